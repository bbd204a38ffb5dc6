/** What the scripted model says and does in the tests of tools; see oricode_service/models/script_file.py. */

/** Reads the editor, proposes a change, tries to reach outside, reports. */
export const EDITING = `about: client tools
rate: 2000
piece: 20
scenes:
  - - say: "I look at your editor first.\\n\\n"
    - call: read_editor
      input: {}
  - - say: "I propose a change.\\n\\n"
    - call: apply_edit
      input: {path: zdemo.abap, old_text: "WRITE / 'Hello'.", new_text: "WRITE / 'Hello, world'."}
  - - call: read_file
      input: {path: ../secret.txt}
    - call: read_file
      input: {path: zdemo.abap, first_line: 2}
  - - say: |
        Here is the whole report:

        \`\`\`abap
        REPORT zdemo.
        " Says hello.
        LOOP AT lt_items INTO DATA(ls_item) WHERE open = abap_true.
          WRITE / |Item { ls_item-id }|.
        ENDLOOP.
        \`\`\`

        | Part | Lines |
        | --- | --: |
        | Header | 1 |
        | Body | 4 |

        1. It compiles, \`<b>\` and all: <b>not bold</b>
        2. See [the documentation](https://help.example.com)
`;

/** Asks for approval before it deploys; long enough to be interrupted. */
export const APPROVAL = `about: an approval
rate: 400
piece: 10
scenes:
  - - say: "I store the program, then deploy it.\\n\\n"
    - call: mcp_store_code_chunk
      input: {program: ZONE, chunk_index: 0, total_chunks: 1, code: "REPORT zone.\\nWRITE / 1.\\n"}
  - - call: mcp_deploy_stored_code
      input: {program: ZONE}
  - - say: "That is all."
`;
