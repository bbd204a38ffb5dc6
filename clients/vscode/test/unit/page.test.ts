// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import { liveCode } from "../../src/page/live_code.js";
import { NEW_VIEW, viewOf, type RunView } from "@oricode/client";
import { Announcer } from "../../src/page/announcer.js";
import { Markdown } from "../../src/page/markdown.js";
import { ToolCard } from "../../src/page/tool_card.js";

const acted: string[][] = [];
const actions = {
  insert: (code: string) => acted.push(["insert", code]),
  apply: (code: string) => acted.push(["apply", code]),
  copy: (code: string) => acted.push(["copy", code]),
};
function shown(text: string): HTMLElement {
  const markdown = new Markdown(actions);
  markdown.update(text);
  return markdown.element;
}

describe("Markdown", () => {
  test.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "text <b onclick='x()'>bold</b>",
    "<iframe src='https://evil.example'></iframe>",
    "| a |\n| - |\n| <svg onload=alert(1)> |",
    "- <style>body{display:none}</style>",
  ])("shows HTML as text: %s", (text) => {
    const element = shown(text);
    expect(element.querySelector("script, img, iframe, svg, style, b, [onclick], [onerror]")).toBeNull();
    expect(element.textContent).toMatch(/<(script|img|b|iframe|svg|style)/);
  });

  test.each(["javascript:alert(1)", "command:workbench.action.quit", "vscode://x", "data:text/html,x", "file:///etc/passwd", "JaVaScRiPt:x"])(
    "makes no link of %s",
    (address) => {
      expect(shown(`[click](${address}) and <${address}>`).querySelector("a")).toBeNull();
    },
  );

  test("makes links of web and mail addresses, and of pictures, which are not loaded", () => {
    const links = [...shown("[a](https://x.example) ![pic](https://y.example/p.png) <mailto:a@b.example>").querySelectorAll("a")];
    expect(links.map((link) => link.getAttribute("href"))).toEqual(["https://x.example", "https://y.example/p.png", "mailto:a@b.example"]);
  });

  test("knows headings, lists, tables, quotes and inline code", () => {
    const element = shown("# Title\n\n1. one\n2. two\n   - deep\n\n> quote\n\n| a | b |\n| --- | --: |\n| 1 | 2 |\n\n`x` **b** *i* ~~d~~ &lt; &#65;");
    expect(element.querySelector("h3")?.textContent).toBe("Title");
    expect(element.querySelectorAll("ol > li")).toHaveLength(2);
    expect(element.querySelector("li ul li")?.textContent).toBe("deep");
    expect(element.querySelector("blockquote p")?.textContent).toBe("quote");
    expect(element.querySelector("td.align-right")?.textContent).toBe("2");
    expect(element.querySelector("p > code")?.textContent).toBe("x");
    expect(element.lastElementChild?.textContent).toBe("x b i d < A");
  });

  test("colours ABAP, and offers each block to copy, insert or show as a diff", () => {
    const code = "REPORT z. \" start\nLOOP AT lt_a INTO DATA(x).\n  WRITE |a { x }|.\nENDLOOP.";
    const element = shown(`\`\`\`abap\n${code}\n\`\`\``);
    expect([...element.querySelectorAll(".hljs-keyword")].map((one) => one.textContent)).toContain("LOOP");
    expect(element.querySelector(".hljs-comment")?.textContent).toBe('" start');
    expect(element.querySelector(".hljs-string")?.textContent).toBe("|a { x }|");
    expect(element.querySelector("pre")?.textContent).toBe(code);
    element.querySelectorAll("button").forEach((button) => button.click());
    expect(acted.splice(0)).toEqual([["copy", code], ["insert", code], ["apply", code]]);
  });

  test("finds no keywords inside the names of fields, in templates neither", () => {
    const element = shown("```abap\nWRITE |Item { ls_item-id }| && ls_item-value.\n```");
    expect([...element.querySelectorAll(".hljs-keyword")].map((one) => one.textContent)).toEqual(["WRITE"]);
    expect(element.querySelector(".hljs-subst")?.textContent).toBe("{ ls_item-id }");
  });

  test("of an unknown language is plain text", () => {
    expect(shown("```klingon\n<a> & b\n```").querySelector("pre")?.textContent).toBe("<a> & b");
  });

  test("that grows keeps the elements of the blocks that did not change", () => {
    const markdown = new Markdown(actions);
    markdown.update("First.\n\nSecond");
    const [first, second] = markdown.element.children;
    markdown.update("First.\n\nSecond is longer.\n\n- list");
    expect(markdown.element.children[0]).toBe(first);
    expect(markdown.element.children[1]).not.toBe(second);
    expect(markdown.element.textContent).toBe("First.Second is longer.list");
  });

  test("that was voided by a new attempt shows the new text only", () => {
    const markdown = new Markdown(actions);
    markdown.update("Half a sent");
    markdown.update("A whole sentence.");
    expect(markdown.element.textContent).toBe("A whole sentence.");
  });

  test("of half-written syntax shows something at every step", () => {
    const markdown = new Markdown(actions);
    const text = "# T\n\n```abap\nREPORT z.\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n**bold** [l](https://x.example)";
    for (let end = 1; end <= text.length; end++) markdown.update(text.slice(0, end));
    expect(markdown.element.querySelectorAll("h3, figure, table, strong, a")).toHaveLength(5);
  });
});

describe("the live code of a tool call", () => {
  const partial = '{"program":"Z","code":"REPORT z.\\nWRITE \\"a\\".';
  test.each([
    ['{"program":"Z","co', ""],
    [partial, 'REPORT z.\nWRITE "a".'],
    [`${partial}\\`, 'REPORT z.\nWRITE "a".'],
    [`${partial}\\u00`, 'REPORT z.\nWRITE "a".'],
    [`${partial}\\n"}`, 'REPORT z.\nWRITE "a".\n'],
  ])("is as much of the code as is there: %s", (partial_json, code) => {
    expect(liveCode({ partial_json, name: "mcp_store_code_chunk" }).code).toBe(code);
  });

  test("comes from the input once it is whole, in the language of the file", () => {
    expect(liveCode({ name: "apply_edit", input: { path: "a/b.ts", new_text: "let a" } })).toEqual({ code: "let a", language: "ts" });
  });
});

test("a tool's code is coloured once its language is known, which may be after the code", () => {
  const card = new ToolCard();
  const call = { tool_call_id: "t", message_id: "m", name: "apply_edit" };
  card.update({ ...call, state: "writing", partial_json: '{"new_text":"let a = 1"' }, false);
  expect(card.element.querySelector(".hljs-keyword")).toBeNull();
  card.update({ ...call, state: "running", input: { new_text: "let a = 1", path: "a.ts" } }, false);
  expect(card.element.querySelector(".hljs-keyword")?.textContent).toBe("let");
});

describe("for a screen reader", () => {
  const ended = (status: RunView["run"]["status"], text: string) => {
    const block = { index: 0, type: "text" as const, text };
    return viewOf({ ...NEW_VIEW.run, status, messages: [{ message_id: "m", turn: 1, attempt: 1, model: "", complete: true, blocks: [block] }] });
  };

  test("an answer is read out once, when it has ended", () => {
    const announcer = new Announcer();
    announcer.update("e1", NEW_VIEW);
    expect(announcer.element.textContent).toBe("");
    announcer.update("e1", ended("completed", "All done."));
    expect(announcer.element.textContent).toBe("All done.");
    announcer.update("e0", ended("completed", "An older one."));
    expect(announcer.element.textContent).toBe("All done.");
  });

  test("an answer that was stopped says so, and one from before is not read out", () => {
    const announcer = new Announcer();
    announcer.update("e1", ended("completed", "From before."));
    expect(announcer.element.textContent).toBe("");
    announcer.update("e2", NEW_VIEW);
    announcer.update("e2", ended("cancelled", "Half"));
    expect(announcer.element.textContent).toBe("Stopped");
  });
});
