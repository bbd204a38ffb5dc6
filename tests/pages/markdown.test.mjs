/** Markdown to blocks: what is drawn, what is not, and what hostile text costs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inline } from "../../service/oricode_service/pages/playground/inline.js";
import { parse } from "../../service/oricode_service/pages/playground/markdown.js";

const types = (text) => parse(text).map((block) => block.type);
const plain = (nodes) => nodes.map((node) => node.text ?? (node.content ? plain(node.content) : "")).join("");

test("blocks are told apart", () => {
  assert.deepEqual(types("# h\n\np\n\n- a\n- b\n\n> q\n\n---\n\n```\nc\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |"), [
    "heading", "paragraph", "list", "quote", "rule", "code", "table",
  ]);
});

test("an open fence runs to the end, as it does while a model writes", () => {
  const [block] = parse("```abap\nDATA x.\n\n# no heading");
  assert.deepEqual([block.type, block.language, block.text], ["code", "abap", "DATA x.\n\n# no heading"]);
});

test("a fence is closed only by one as long", () => {
  assert.equal(parse("````\n```\n````\n\nafter")[0].text, "```");
});

test("lists nest, keep their first number, and know when they are loose", () => {
  const [list] = parse("3. three\n   - inner\n   - more\n4. four");
  assert.deepEqual([list.ordered, list.start, list.tight, list.items.length], [true, 3, true, 2]);
  assert.equal(list.items[0].blocks[1].type, "list");
  assert.equal(parse("- a\n\n- b")[0].tight, false);
});

test("a paragraph is not broken by a number in its text", () => {
  assert.deepEqual(types("In the year\n1984. Orwell"), ["paragraph"]);
});

test("marks inside words of code are left alone", () => {
  assert.deepEqual(inline("snake_case_name and lcl_open_items"), [{ type: "text", text: "snake_case_name and lcl_open_items" }]);
});

test("emphasis, code and links are read", () => {
  assert.deepEqual(inline("**b** *i* `c` ~~s~~").map((node) => node.type), ["strong", "text", "emphasis", "text", "code", "text", "strike"]);
  assert.deepEqual(inline("[t](https://a.example/x)"), [{ type: "link", href: "https://a.example/x", content: [{ type: "text", text: "t" }] }]);
  assert.equal(inline("see https://a.example/x.")[1].href, "https://a.example/x");
});

for (const href of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "//a.example", "file:///etc/passwd", "\u0001javascript:x"]) {
  test(`no link leads to ${JSON.stringify(href)}`, () => {
    const links = JSON.stringify(inline(`[t](${href}) ![t](${href}) <${href}>`));
    assert.doesNotMatch(links, /"link"/);
  });
}

test("HTML is text", () => {
  assert.equal(plain(inline("<img src=x onerror=alert(1)>")), "<img src=x onerror=alert(1)>");
});

test("marks without an end stay what they are", () => {
  for (const text of ["**open", "`open", "[open](", "_open", "a * b * c", "2 ** 3"]) assert.equal(plain(inline(text)), text);
});

test("no prefix of a text makes the parser fail", () => {
  const text = "# Head\n\n**bo_ld_** `co de` [li*n*k](https://a.b)\n\n1. a\n   - b\n\n> q `x`\n\n| a | b |\n|---|---|\n| **1** | 2 |\n\n```js\nx\n";
  for (let end = 0; end <= text.length; end++) parse(text.slice(0, end));
});

for (const [name, text] of Object.entries({
  stars: "*".repeat(50_000),
  brackets: "[".repeat(50_000),
  ticks: "`".repeat(50_001),
  "open strong": "**a ".repeat(20_000),
  quotes: "> ".repeat(20_000),
  bullets: "- ".repeat(5_000),
  "half links": "[a](".repeat(20_000),
  underscores: "_a_".repeat(20_000),
  images: "![".repeat(30_000),
  items: "\n\n- a".repeat(3_000),
})) {
  test(`hostile ${name} are read in bounded steps`, { timeout: 5_000 }, () => {
    assert.ok(parse(text).length > 0);
  });
}
