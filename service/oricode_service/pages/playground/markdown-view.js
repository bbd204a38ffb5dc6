/** Draws growing Markdown: blocks whose source did not change keep their nodes, so selections and scroll positions live. */
import { element } from "./element.js";
import { parse } from "./markdown.js";

/**
 * @typedef {import("./markdown.js").Block} Block
 * @typedef {import("./inline.js").Inline} Inline
 */

export class MarkdownView {
  /** @type {{ block: Block, node: HTMLElement }[]} */
  #shown = [];
  #text = "";
  node = element("div", { class: "markdown" });

  /** @param {string} text */
  update(text) {
    if (text === this.#text) return;
    this.#text = text;
    const blocks = parse(text);
    blocks.forEach((block, index) => {
      const old = this.#shown[index];
      if (old?.block.raw === block.raw && old.block.type === block.type) return;
      if (old && growCode(old, block)) return;
      const node = draw(block);
      if (old) old.node.replaceWith(node);
      else this.node.append(node);
      this.#shown[index] = { block, node };
    });
    for (const extra of this.#shown.splice(blocks.length)) extra.node.remove();
  }
}

/**
 * A code block that only got longer keeps its node.
 * @param {{ block: Block, node: HTMLElement }} old
 * @param {Block} block
 */
function growCode(old, block) {
  if (old.block.type !== "code" || block.type !== "code" || old.block.language !== block.language) return false;
  const code = old.node.querySelector("code");
  if (!code) return false;
  code.textContent = block.text;
  old.block = block;
  return true;
}

/**
 * @param {Block} block
 * @returns {HTMLElement}
 */
function draw(block) {
  switch (block.type) {
    case "paragraph":
      return element("p", {}, ...block.content.map(drawInline));
    case "heading":
      // The page has its own first two levels.
      return element(/** @type {"h3"} */ (`h${Math.min(6, block.level + 2)}`), { class: `h${block.level}` }, ...block.content.map(drawInline));
    case "code":
      return codeBlock(block.language, block.text);
    case "quote":
      return element("blockquote", {}, ...block.blocks.map(draw));
    case "rule":
      return element("hr");
    case "table":
      return table(block);
    case "list": {
      const items = block.items.map((item) => element("li", {}, ...item.blocks.flatMap((inner) => (block.tight && inner.type === "paragraph" ? inner.content.map(drawInline) : [draw(inner)]))));
      return block.ordered ? element("ol", { start: block.start === 1 ? null : block.start }, ...items) : element("ul", {}, ...items);
    }
  }
}

/**
 * @param {Inline} node
 * @returns {Node}
 */
function drawInline(node) {
  switch (node.type) {
    case "text":
      return document.createTextNode(node.text);
    case "code":
      return element("code", {}, node.text);
    case "break":
      return element("br");
    case "link":
      return element("a", { href: node.href, rel: "noopener noreferrer", target: "_blank" }, ...node.content.map(drawInline));
    default: {
      const tag = /** @type {const} */ ({ strong: "strong", emphasis: "em", strike: "s" })[node.type];
      return element(tag, {}, ...node.content.map(drawInline));
    }
  }
}

/** @param {Extract<Block, { type: "table" }>} block */
function table(block) {
  const row = (/** @type {Inline[][]} */ cells, /** @type {"th" | "td"} */ tag) =>
    element("tr", {}, ...cells.map((cell, index) => element(tag, { class: block.align[index] ? `to-${block.align[index]}` : null }, ...cell.map(drawInline))));
  const body = block.rows.map((cells) => row(cells, "td"));
  return element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" }, element("table", {}, element("thead", {}, row(block.head, "th")), element("tbody", {}, ...body)));
}

/**
 * Code with its language and a button to copy it.
 * @param {string} language
 * @param {string} text
 */
export function codeBlock(language, text) {
  const code = element("code", {}, text);
  const copy = element("button", { type: "button", class: "link copy" }, "Copy");
  copy.addEventListener("click", () => {
    navigator.clipboard?.writeText(code.textContent ?? "").then(
      () => (copy.textContent = "Copied"),
      () => (copy.textContent = "Not allowed"),
    );
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  return element("figure", { class: "code" }, element("figcaption", {}, element("span", {}, language || "code"), copy), element("pre", { tabindex: "0" }, code));
}
