/**
 * Markdown of a model to elements. marked only tokenises; the elements are made here, from a closed list, so there is
 * nothing to sanitise: HTML in the text is shown as text, links lead to http(s) and mail only, images are links.
 */
import { Lexer, type Token, type Tokens } from "marked";
import { h } from "./dom.js";
import { highlighted } from "./highlight.js";

export interface CodeActions {
  insert(code: string): void;
  apply(code: string): void;
  copy(code: string): void;
}

/** A rendered text that can grow: only what changed is made anew. */
export class Markdown {
  readonly element = h("div", { class: "markdown" });
  private shown: string[] = [];

  constructor(private readonly actions: CodeActions) {}

  /** Shows `text`. Blocks that are as before keep their elements. */
  update(text: string): void {
    const tokens = new Lexer({ gfm: true, breaks: false }).lex(text).filter((token) => token.type !== "space" && token.type !== "def");
    let same = 0;
    while (same < tokens.length && this.shown[same] === tokens[same]!.raw) same++;
    while (this.element.children.length > same) this.element.lastElementChild!.remove();
    this.shown = tokens.map((token) => token.raw);
    for (const token of tokens.slice(same)) this.element.append(block(token, this.actions));
  }
}

function block(token: Token, actions: CodeActions): HTMLElement {
  switch (token.type) {
    case "heading": {
      const level = Math.min(6, (token as Tokens.Heading).depth + 2); // the page has its own first levels
      return h(`h${level}` as "h3", {}, ...inline(token.tokens));
    }
    case "code":
      return codeBlock(token as Tokens.Code, actions);
    case "blockquote":
      return h("blockquote", {}, ...(token.tokens ?? []).filter(({ type }) => type !== "space").map((inner) => block(inner, actions)));
    case "list":
      return list(token as Tokens.List, actions);
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return h("hr");
    case "html":
      return h("p", {}, token.raw.trimEnd());
    case "paragraph":
    case "text":
      return h("p", {}, ...inline(token.tokens ?? [token]));
    default:
      return h("p", {}, token.raw);
  }
}

export function codeBlock({ text, lang = "" }: { text: string; lang?: string | undefined }, actions: CodeActions): HTMLElement {
  const language = lang.split(/\s/)[0] ?? "";
  const act = (label: string, run: (code: string) => void) =>
    h("button", { type: "button", class: "link", "aria-label": `${label}: ${language || "code"} block`, onclick: () => run(text) }, label);
  return h(
    "figure",
    { class: "code" },
    h(
      "figcaption",
      {},
      h("span", { class: "language" }, language || "text"),
      act("Copy", actions.copy),
      act("Insert", actions.insert),
      act("Diff", actions.apply),
    ),
    h("pre", { tabindex: "0" }, h("code", {}, ...highlighted(text, language))),
  );
}

function list({ ordered, start, items }: Tokens.List, actions: CodeActions): HTMLElement {
  const rows = items.map((item) => {
    const inner = item.tokens.filter(({ type }) => type !== "space" && type !== "checkbox");
    const tight = inner.flatMap((token) => (token.type === "text" ? inline(token.tokens ?? [token]) : [block(token, actions)]));
    const box = item.task ? [h("input", { type: "checkbox", disabled: true, checked: item.checked === true }), " "] : [];
    return h("li", {}, ...box, ...(tight));
  });
  return ordered ? h("ol", typeof start === "number" && start !== 1 ? { start: String(start) } : {}, ...rows) : h("ul", {}, ...rows);
}

function table({ header, rows }: Tokens.Table): HTMLElement {
  const cell = (tag: "th" | "td") => ({ tokens, align }: Tokens.TableCell) => h(tag, align ? { class: `align-${align}` } : {}, ...inline(tokens));
  const body = rows.map((row) => h("tr", {}, ...row.map(cell("td"))));
  return h("div", { class: "table", tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, ...header.map(cell("th")))), h("tbody", {}, ...body)));
}

function inline(tokens: readonly Token[] = []): (HTMLElement | string)[] {
  return tokens.map((token) => {
    switch (token.type) {
      case "strong":
        return h("strong", {}, ...inline(token.tokens));
      case "em":
        return h("em", {}, ...inline(token.tokens));
      case "del":
        return h("del", {}, ...inline(token.tokens));
      case "codespan":
        return h("code", {}, (token as Tokens.Codespan).text);
      case "br":
        return h("br");
      case "link":
        return link((token as Tokens.Link).href, inline(token.tokens));
      case "image":
        return link((token as Tokens.Image).href, [(token as Tokens.Image).text || "image"]);
      case "escape":
        return (token as Tokens.Escape).text;
      case "text":
        return token.tokens ? h("span", {}, ...inline(token.tokens)) : decoded((token as Tokens.Text).text);
      default:
        return token.raw;
    }
  });
}

function link(href: string, children: (HTMLElement | string)[]): HTMLElement {
  const safe = URL.canParse(href) && ["http:", "https:", "mailto:"].includes(new URL(href).protocol);
  return safe ? h("a", { href, title: href, rel: "noreferrer" }, ...children) : h("span", {}, ...children);
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** Named and numbered characters, which Markdown allows in text. */
function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const point = decimal !== undefined ? Number(decimal) : Number.parseInt(hex!, 16);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
