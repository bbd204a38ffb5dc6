/** What `apply_edit` asks for, applied to a text. Pure; errors are sentences for the model. */

export interface Edit {
  path: string;
  /** Absent: `newText` is the whole file. */
  oldText: string | null;
  newText: string;
}

/** Reads the tool's input; throws a TypeError that names what is wrong with it. */
export function parseEdit(input: Record<string, unknown>): Edit {
  const { path, old_text, new_text } = input;
  if (typeof path !== "string") throw new TypeError("`path` must be a string.");
  if (typeof new_text !== "string") throw new TypeError("`new_text` must be a string.");
  if (old_text !== undefined && typeof old_text !== "string") throw new TypeError("`old_text` must be a string, or left out.");
  return { path, oldText: old_text || null, newText: new_text };
}

/** The text after the edit. `oldText` must occur exactly once; line ends of the file are kept. */
export function edited(text: string, { oldText, newText }: Edit): string {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const inItsLineEnds = (piece: string) => piece.replace(/\r\n|\n/g, eol);
  if (oldText === null) return inItsLineEnds(newText);
  const wanted = inItsLineEnds(oldText);
  const at = text.indexOf(wanted);
  if (at < 0) throw new TypeError("`old_text` does not occur in the file. Read it again and copy the text exactly.");
  if (text.indexOf(wanted, at + 1) >= 0) throw new TypeError("`old_text` occurs more than once. Take more lines around it.");
  return text.slice(0, at) + inItsLineEnds(newText) + text.slice(at + wanted.length);
}
