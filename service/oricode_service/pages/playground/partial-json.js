/**
 * Live code: what can already be read of a tool call's input while the model still writes its JSON.
 *
 * In: JSON text cut anywhere. Out: its top-level string values so far, by name. Everything else is skipped. Pure.
 */

/**
 * @param {string} text
 * @returns {Record<string, string>}
 */
export function partialStrings(text) {
  /** @type {Record<string, string>} */
  const found = {};
  let depth = 0;
  /** @type {string | null} */
  let name = null;
  let atName = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const string = readString(text, i + 1);
      i = string.end;
      if (depth !== 1) continue;
      if (atName) {
        if (!string.complete) break;
        name = string.value;
        atName = false;
      } else if (name !== null) {
        found[name] = string.value;
        name = null;
      }
    } else if (char === "{" || char === "[") {
      depth++;
      atName = depth === 1;
    } else if (char === "}" || char === "]") depth--;
    else if (char === "," && depth === 1) {
      atName = true;
      name = null;
    }
  }
  return found;
}

/** @type {Record<string, string>} */
const ESCAPES = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

/**
 * The string that begins at `start`, behind its quote; an escape that is not complete yet is left out.
 * @param {string} text
 * @param {number} start
 */
function readString(text, start) {
  let value = "";
  let i = start;
  for (; i < text.length; i++) {
    const char = text[i];
    if (char === '"') return { value, end: i, complete: true };
    if (char !== "\\") {
      value += char;
      continue;
    }
    const next = text[i + 1];
    if (next === undefined) break;
    if (next === "u") {
      const code = text.slice(i + 2, i + 6);
      if (code.length < 4) break;
      value += String.fromCharCode(parseInt(code, 16));
      i += 5;
    } else {
      value += ESCAPES[next] ?? next;
      i++;
    }
  }
  return { value, end: text.length, complete: false };
}

/**
 * The part of a call's input that is worth showing as code: its longest text of several lines, or one called `code`.
 * @param {Record<string, unknown>} input
 * @returns {{ name: string, code: string } | null}
 */
export function codeOf(input) {
  const texts = Object.entries(input).filter((entry) => typeof entry[1] === "string");
  const named = texts.find(([name]) => name === "code" || name === "source");
  const longest = texts.filter(([, value]) => String(value).includes("\n")).sort((a, b) => String(b[1]).length - String(a[1]).length)[0];
  const chosen = named ?? longest;
  return chosen ? { name: chosen[0], code: String(chosen[1]) } : null;
}
