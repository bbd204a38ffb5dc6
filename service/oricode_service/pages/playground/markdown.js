/**
 * Markdown as models write it: text in, a tree of blocks out. Pure; knows no DOM, lets no HTML through.
 *
 * Takes headings, paragraphs, fenced code, quotes, lists (nested, numbered), tables, rules; what is inside a line is
 * `inline.js`'s. An unfinished text is fine: an open fence runs to the end. HTML is text like any other.
 */
import { inline } from "./inline.js";

/**
 * @typedef {import("./inline.js").Inline} Inline
 * @typedef {object} Item
 * @property {Block[]} blocks
 * @typedef {{ raw: string } & (
 *   | { type: "paragraph", content: Inline[] }
 *   | { type: "heading", level: number, content: Inline[] }
 *   | { type: "code", language: string, text: string }
 *   | { type: "quote", blocks: Block[] }
 *   | { type: "list", ordered: boolean, start: number, tight: boolean, items: Item[] }
 *   | { type: "table", align: ("left" | "center" | "right" | null)[], head: Inline[][], rows: Inline[][][] }
 *   | { type: "rule" })} Block
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?: {1,4}(?! )| (?= )|\t|$)(.*)$/;
const DELIMITER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const MAX_DEPTH = 8;

/**
 * @param {string} text
 * @param {number} [depth]
 * @returns {Block[]}
 */
export function parse(text, depth = 0) {
  const lines = text.split("\n");
  /** @type {Block[]} */
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    blocks.push({ ...block, raw: lines.slice(at, next).join("\n") });
    at = next;
  }
  return blocks;
}

/**
 * The block that begins at line `at`, without its raw text, and the line behind it.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {[Block, number]}
 */
function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return readCode(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ type: "heading", level: heading[1].length, content: inline(heading[2] ?? ""), raw: "" }, at + 1];
  if (RULE.test(line)) return [{ type: "rule", raw: "" }, at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(line)) return readQuote(lines, at, depth);
  if (depth < MAX_DEPTH && ITEM.test(line)) return readList(lines, at, depth);
  if (isTable(lines, at)) return readTable(lines, at);
  let next = at + 1;
  while (next < lines.length && lines[next].trim() && !interrupts(lines, next)) next++;
  const text = lines.slice(at, next).map((part, index) => (index ? part.trimStart() : part.trim())).join("\n");
  return [{ type: "paragraph", content: inline(text.trimEnd()), raw: "" }, next];
}

/**
 * Whether the line ends a paragraph above it.
 * @param {string[]} lines
 * @param {number} at
 */
function interrupts(lines, at) {
  const line = lines[at];
  const item = ITEM.exec(line);
  const startsList = item !== null && item[3] !== "" && (!/\d/.test(item[2]) || parseInt(item[2], 10) === 1);
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || startsList || isTable(lines, at);
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {RegExpExecArray} fence
 * @returns {[Block, number]}
 */
function readCode(lines, at, fence) {
  const close = new RegExp(`^ {0,3}${fence[1][0]}{${fence[1].length},}[ \\t]*$`);
  let next = at + 1;
  while (next < lines.length && !close.test(lines[next])) next++;
  const text = lines.slice(at + 1, next).join("\n");
  return [{ type: "code", language: fence[2], text, raw: "" }, Math.min(next + 1, lines.length)];
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {[Block, number]}
 */
function readQuote(lines, at, depth) {
  let next = at;
  while (next < lines.length && (QUOTE.test(lines[next]) || (next > at && lines[next].trim() && !interrupts(lines, next)))) next++;
  const inner = lines.slice(at, next).map((line) => line.replace(QUOTE, "")).join("\n");
  return [{ type: "quote", blocks: parse(inner, depth + 1), raw: "" }, next];
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {[Block, number]}
 */
function readList(lines, at, depth) {
  const first = /** @type {RegExpExecArray} */ (ITEM.exec(lines[at]));
  const marker = first[2].at(-1);
  const ordered = /\d/.test(first[2]);
  /** @type {Item[]} */
  const items = [];
  let tight = true;
  let next = at;
  for (;;) {
    const item = next < lines.length ? ITEM.exec(lines[next]) : null;
    if (!item || item[2].at(-1) !== marker || RULE.test(lines[next])) break;
    const indent = item[0].length - item[3].length;
    const inner = [item[3]];
    next++;
    while (next < lines.length && belongs(lines, next, indent)) inner.push(lines[next++].replace(new RegExp(`^ {0,${indent}}`), ""));
    const trailing = inner.length > 1 && !inner[inner.length - 1].trim();
    while (inner.length > 1 && !inner[inner.length - 1].trim()) inner.pop();
    const again = next < lines.length ? ITEM.exec(lines[next]) : null;
    if (inner.some((line) => !line.trim()) || (trailing && again && again[2].at(-1) === marker)) tight = false;
    items.push({ blocks: parse(inner.join("\n"), depth + 1) });
  }
  const start = ordered ? parseInt(first[2], 10) : 1;
  return [{ type: "list", ordered, start, tight, items, raw: "" }, next];
}

/**
 * Whether the line continues an item whose content is indented by `indent`.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} indent
 */
function belongs(lines, at, indent) {
  const line = lines[at];
  if (!line.trim()) {
    const following = lines.slice(at + 1).find((later) => later.trim());
    return following !== undefined && (leading(following) >= indent || (ITEM.test(following) && leading(following) < indent));
  }
  if (leading(line) >= indent) return true;
  return Boolean(lines[at - 1].trim()) && !ITEM.test(line) && !interrupts(lines, at); // a paragraph's lazy line
}

/** @param {string} line */
function leading(line) {
  return line.length - line.trimStart().length;
}

/**
 * @param {string[]} lines
 * @param {number} at
 */
function isTable(lines, at) {
  return lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && DELIMITER.test(lines[at + 1]) && cells(lines[at]).length === cells(lines[at + 1]).length;
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {[Block, number]}
 */
function readTable(lines, at) {
  const align = cells(lines[at + 1]).map((cell) => {
    const [left, right] = [cell.startsWith(":"), cell.endsWith(":")];
    return left && right ? "center" : right ? "right" : left ? "left" : null;
  });
  const head = cells(lines[at]).map(inline);
  let next = at + 2;
  const rows = [];
  for (; next < lines.length && lines[next].trim() && lines[next].includes("|"); next++) {
    const row = cells(lines[next]).slice(0, head.length).map(inline);
    while (row.length < head.length) row.push([]);
    rows.push(row);
  }
  return [{ type: "table", align, head, rows, raw: "" }, next];
}

/** @param {string} line */
function cells(line) {
  const trimmed = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
