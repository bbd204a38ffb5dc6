import { expect, test } from "vitest";
import { codeBlocks } from "../../src/shared/code_blocks.js";
import { fromPage } from "../../src/shared/messages.js";

test.each([
  { type: "ready" },
  { type: "ask", text: "Hello?" },
  { type: "approve", approvalId: "a", decision: "deny" },
  { type: "command", command: "signIn" },
  { type: "ticket", ref: 3 },
])("$type is taken", (message) => expect(fromPage(message)).toEqual(message));

test.each([
  null,
  "ready",
  {},
  { type: "toString" },
  { type: "ask" },
  { type: "ask", text: 7 },
  { type: "approve", approvalId: "a", decision: "maybe" },
  { type: "command", command: "workbench.action.terminal.new" },
  { type: "ticket", ref: "3" },
])("%j is not taken", (message) => expect(fromPage(message)).toBeNull());

test("code blocks are found by their fences, nested ones included", () => {
  const answer = "Text\n```abap\nREPORT z.\n```\nmore\n~~~~md\n```\ninner\n```\n~~~~\nend";
  expect(codeBlocks(answer)).toEqual(["REPORT z.", "```\ninner\n```"]);
});

test("a code block that is still being written counts", () => {
  expect(codeBlocks("```abap\nREPORT z.\nWRI")).toEqual(["REPORT z.\nWRI"]);
  expect(codeBlocks("no `code` here ``` none")).toEqual([]);
});
