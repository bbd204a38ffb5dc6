/** Live code out of half-written JSON, and stored messages as turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { turnsOf } from "../../service/oricode_service/pages/playground/history.js";
import { codeOf, partialStrings } from "../../service/oricode_service/pages/playground/partial-json.js";

const INPUT = { program: "ZX", chunk_index: 2, nested: { code: "not this" }, list: ["nor", "that"], code: 'WRITE "ä\u{1F600}\\".\n\tEND.', last: "x" };

test("the whole text gives the whole strings of the top level", () => {
  const { program, code, last } = INPUT;
  assert.deepEqual(partialStrings(JSON.stringify(INPUT)), { program, code, last });
});

test("every prefix gives a prefix of each string, and never fails", () => {
  const text = JSON.stringify(INPUT).replace("ä", "\\u00e4");
  let longest = 0;
  for (let end = 0; end <= text.length; end++) {
    const found = partialStrings(text.slice(0, end));
    for (const [name, value] of Object.entries(found)) assert.ok(INPUT[name].startsWith(value), `${name} at ${end}: ${value}`);
    assert.ok((found.code ?? "").length >= longest, `the code shrank at ${end}`);
    longest = (found.code ?? "").length;
  }
  assert.equal(longest, INPUT.code.length);
});

test("code is the field called so, else the longest text of several lines", () => {
  assert.equal(codeOf({ a: "1\n2", code: "x" })?.code, "x");
  assert.equal(codeOf({ a: "1\n2", b: "1\n2\n3" })?.name, "b");
  assert.equal(codeOf({ a: "one line" }), null);
});

test("stored messages become turns with their tools and results", () => {
  const run_id = "run_1";
  const [first, second] = turnsOf([
    { role: "user", content: "Deploy", run_id },
    { role: "assistant", content: [{ type: "thinking", thinking: "hm" }, { type: "text", text: "Storing." }, { type: "tool_use", id: "c1", name: "store", input: { code: "x" } }], run_id },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "stored", is_error: false }], run_id },
    { role: "assistant", content: "Done.", run_id },
    { role: "user", content: "Thanks", run_id: "run_2" },
  ]);
  assert.equal(first.prompt, "Deploy");
  assert.equal(first.state.text, "Storing.Done.");
  assert.deepEqual(first.state.messages.map((message) => message.blocks.map((block) => block.type)), [["thinking", "text", "tool_use"], ["text"]]);
  assert.deepEqual(first.state.tool_calls.map(({ name, status, summary }) => [name, status, summary]), [["store", "ok", "stored"]]);
  assert.deepEqual([second.prompt, second.state], ["Thanks", null]);
});
