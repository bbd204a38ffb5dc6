import { test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { Window } from "./window.js";
test("explore", { retry: 0 }, async () => {
  const service = await RealService.start(`about: t
rate: 400
piece: 6
scenes:
  - - think: Let me see what there is.
    - say: "I'll store the program in **two** parts, then check it.\\n\\n"
    - call: mcp_store_code_chunk
      input: {program: ZTEST, chunk_index: 0, total_chunks: 2, code: "REPORT ztest.\\n* A comment\\nDATA lv_text TYPE string.\\n"}
  - - pause: 2
    - say: "Now the second part.\\n\\n"
    - call: mcp_store_code_chunk
      input: {program: ZTEST, chunk_index: 1, total_chunks: 2, code: "lv_text = 'Hello'.\\nWRITE / lv_text.\\n"}
  - - say: |
        **Done.** The report:

        \`\`\`abap
        REPORT ztest.
        * A comment
        DATA lv_text TYPE string.
        LOOP AT lt_items INTO DATA(ls_item) WHERE open = abap_true.
          lv_text = |Item { ls_item-id } of 10|. " trailing
        ENDLOOP.
        \`\`\`

        | Part | Lines |
        | --- | --: |
        | Header | 3 |
        | Body | 12 |

        1. First <b>bold?</b>
        2. Second with \`code\` and a [link](https://example.com)
`);
  const server = await CodeServer.start({ "oricode.url": service.url }, { "zdemo.abap": "REPORT zdemo.\nWRITE / 'Hello'.\n" });
  const w = await Window.open();
  try {
    w.page.on("console", (m) => { if (/oricode|CSP|Content Security/i.test(m.text())) console.log("CONSOLE", m.text().slice(0, 300)); });
    await w.load(server.url);
    await w.openChat();
    await w.shot("x-welcome");
    await w.signIn(service.key);
    await w.ask("Please write me a small report that says hello, and deploy it.");
    await w.chat.locator(".tool").first().waitFor();
    await w.shot("x-running");
    await w.chat.locator(".rating").waitFor();
    await w.shot("x-done");
    console.log(await w.chat.locator(".path").textContent(), await w.status.textContent());
    await w.reload();
    await w.openChat();
    await w.page.waitForTimeout(3000);
    await w.shot("x-reloaded");
  } catch (e) { await w.shot("x-failed"); console.log(server.log); throw e; } finally {
    await w.close(); await server.stop(); await service.stop();
  }
});
