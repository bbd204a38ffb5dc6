/** What the scripted model says and does in the tests; see oricode_service/models/script_file.py. */

export const CHUNKS = 8;
const PROGRAM = "ZORDERS";

/** What the model says before each chunk. */
export const parts = Array.from({ length: CHUNKS }, (_, index) => `Part ${index + 1} holds form number ${index + 1} and what belongs to it.`);
export const REPORT = "The program is deployed. Every order that is open is listed by its age.";

const store = (part: string, index: number) => `
  - - say: "${part}\\n\\n"
    - call: mcp_store_code_chunk
      input: {program: ${PROGRAM}, chunk_index: ${index}, total_chunks: ${CHUNKS}, code: ${JSON.stringify(chunk(index))}}`;

function chunk(index: number): string {
  const lines = index === 0 ? ["REPORT zorders.", ...Array.from({ length: CHUNKS - 1 }, (_, n) => `PERFORM form_${n + 2}.`)] : [];
  const form = index === 0 ? [] : [`FORM form_${index + 1}.`, `  WRITE / 'Part ${index + 1}'.`, "ENDFORM."];
  return [...lines, ...form].join("\n") + "\n";
}

/** What is stored at the service in the end. */
export const SOURCE = Array.from({ length: CHUNKS }, (_, index) => chunk(index)).join("");

/** `rate`: characters a second; `pause`: seconds before the check, the deployment and the report. */
const deployment = (rate: number, pause: number) => `about: eight chunks, a check, a deployment
rate: ${rate}
piece: 5
scenes:${parts.map(store).join("")}
  - - pause: ${pause}
    - call: mcp_check_syntax
      input: {program: ${PROGRAM}}
  - - pause: ${pause}
    - call: mcp_deploy_stored_code
      input: {program: ${PROGRAM}}
  - - pause: ${pause}
    - say: "${REPORT}"
`;

/** PRODUCT's first scenario in about 25 seconds, slow enough for pictures. */
export const DEPLOYMENT = deployment(90, 1);
/** The same in about 12 seconds. */
export const BRISK_DEPLOYMENT = deployment(180, 0.5);

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
