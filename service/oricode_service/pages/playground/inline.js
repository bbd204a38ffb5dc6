/**
 * Markdown inside a line: code, emphasis, links, breaks. Text in, nodes out. Pure.
 *
 * Links lead to http, https and mailto only; images become links, because nothing may be fetched because a model said so.
 * Every search is bounded or remembered, so that hostile text costs linear time.
 */

/**
 * @typedef {{ type: "text", text: string }
 *   | { type: "code", text: string }
 *   | { type: "strong" | "emphasis" | "strike", content: Inline[] }
 *   | { type: "link", href: string, content: Inline[] }
 *   | { type: "break" }} Inline
 */

const MARKS = /** @type {const} */ ([["**", "strong"], ["__", "strong"], ["~~", "strike"], ["*", "emphasis"], ["_", "emphasis"]]);
const LINK = /!?\[((?:[^[\]\\]|\\.|\[[^[\]]{0,200}\]){0,1000})\]\(\s{0,9}<?([^\s<>]{0,2000}?)>?(?:\s{1,9}"[^"]{0,500}")?\s{0,9}\)/y;
const BARE = /https?:\/\/[^\s<>"'`]{1,2000}/y;
const ANGLE = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;
const MAX_DEPTH = 6;

/**
 * @param {string} text
 * @returns {Inline[]}
 */
export function inline(text) {
  return read(text, 0);
}

/**
 * @param {string} text
 * @param {number} depth
 * @returns {Inline[]}
 */
function read(text, depth) {
  /** @type {Inline[]} */
  const nodes = [];
  /** Marks that have no end from here on: not looked for again. @type {Set<string>} */
  const endless = new Set();
  let plain = "";
  let at = 0;
  /** @param {Inline} node @param {number} next */
  const add = (node, next) => {
    if (plain) nodes.push({ type: "text", text: plain });
    plain = "";
    nodes.push(node);
    at = next;
  };
  while (at < text.length) {
    const char = text[at];
    if (char === "\\" && text[at + 1] === "\n") add({ type: "break" }, at + 2);
    else if (char === "\\" && PUNCTUATION.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
    } else if (char === "\n") {
      if (/ {2,}$/.test(plain.slice(-8))) {
        plain = plain.trimEnd();
        add({ type: "break" }, at + 1);
      } else {
        plain += "\n";
        at++;
      }
    } else {
      const found = readSpecial(text, at, depth, endless, plain.at(-1) ?? "");
      if (found) add(found[0], found[1]);
      else {
        plain += char;
        at++;
      }
    }
  }
  if (plain) nodes.push({ type: "text", text: plain });
  return nodes;
}

/**
 * The node that begins at `at`, and what comes behind it; null when it is plain text.
 * @param {string} text
 * @param {number} at
 * @param {number} depth
 * @param {Set<string>} endless
 * @param {string} before
 * @returns {[Inline, number] | null}
 */
function readSpecial(text, at, depth, endless, before) {
  const char = text[at];
  if (char === "`") return readCode(text, at, endless);
  if (char === "<") return match(ANGLE, text, at, (found) => link(found[1], [{ type: "text", text: found[1] }]));
  if (char === "h" && !WORD.test(before)) return readBare(text, at);
  if (depth >= MAX_DEPTH) return null;
  if (char === "[" || (char === "!" && text[at + 1] === "[")) return match(LINK, text, at, (found) => link(found[2], read(found[1] || found[2], depth + 1)));
  if (char === "*" || char === "_" || char === "~") return readMarked(text, at, depth, endless, before);
  return null;
}

/**
 * @param {RegExp} pattern
 * @param {string} text
 * @param {number} at
 * @param {(found: RegExpExecArray) => Inline} make
 * @returns {[Inline, number] | null}
 */
function match(pattern, text, at, make) {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found ? [make(found), at + found[0].length] : null;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {Set<string>} endless
 * @returns {[Inline, number] | null}
 */
function readCode(text, at, endless) {
  let length = 1;
  while (text[at + length] === "`") length++;
  const fence = "`".repeat(length);
  if (endless.has(fence)) return [{ type: "text", text: fence }, at + length];
  let end = text.indexOf(fence, at + length);
  while (end !== -1 && (text[end + length] === "`" || text[end - 1] === "`")) end = text.indexOf(fence, end + 1);
  if (end === -1) {
    endless.add(fence);
    return [{ type: "text", text: fence }, at + length];
  }
  const code = text.slice(at + length, end).replaceAll("\n", " ");
  const padded = code.length > 2 && code.startsWith(" ") && code.endsWith(" ") && code.trim();
  return [{ type: "code", text: padded ? code.slice(1, -1) : code }, end + length];
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {[Inline, number] | null}
 */
function readBare(text, at) {
  BARE.lastIndex = at;
  const found = BARE.exec(text);
  if (!found) return null;
  const href = found[0].replace(/[.,;:!?*_~]{1,20}$/, "").replace(/\)$/, (close) => (found[0].includes("(") ? close : ""));
  return [link(href, [{ type: "text", text: href }]), at + href.length];
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} depth
 * @param {Set<string>} endless
 * @param {string} before
 * @returns {[Inline, number] | null}
 */
function readMarked(text, at, depth, endless, before) {
  for (const [mark, type] of MARKS) {
    if (!text.startsWith(mark, at) || endless.has(mark)) continue;
    const inner = at + mark.length;
    if (!text[inner] || /\s/.test(text[inner]) || (mark[0] === "_" && WORD.test(before))) continue;
    const end = closing(text, inner, mark);
    if (end === -1) {
      endless.add(mark);
      continue;
    }
    if (end > inner) return [{ type, content: read(text.slice(inner, end), depth + 1) }, end + mark.length];
  }
  return null;
}

/**
 * Where the mark ends that began before `from`; -1 when nowhere. Code spans in between are stepped over.
 * @param {string} text
 * @param {number} from
 * @param {string} mark
 */
function closing(text, from, mark) {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") {
      const end = text.indexOf("`", at + 1);
      if (end !== -1) at = end;
    } else if (text.startsWith(mark, at)) {
      const doubled = mark.length === 1 && text[at + 1] === mark;
      const inWord = mark[0] === "_" && WORD.test(text[at + mark.length] ?? "");
      if (doubled) at++;
      else if (!/\s/.test(text[at - 1]) && !inWord) return at;
    }
  }
  return -1;
}

/**
 * A link, if it leads somewhere harmless; else its text.
 * @param {string} href
 * @param {Inline[]} content
 * @returns {Inline}
 */
function link(href, content) {
  const safe = /^(?:https?:\/\/|mailto:)/i.test(href);
  return safe ? { type: "link", href, content } : { type: "emphasis", content };
}
