/** Texts cut to what a model should be sent. Pure. */

export const MAX_CHARACTERS = 200_000;

export interface Excerpt {
  first_line: number;
  last_line: number;
  total_lines: number;
  text: string;
  /** Present when the text was cut: the line to go on with. */
  next_line?: number;
}

/** Lines `first` to `last` (from 1, both included; open ends allowed), at most MAX_CHARACTERS, whole lines. */
export function excerpt(text: string, first = 1, last = Infinity): Excerpt {
  const lines = text.split(/\r\n|\n|\r/);
  const from = Math.min(Math.max(1, first), lines.length);
  const wanted = lines.slice(from - 1, Math.max(from, last));
  let room = MAX_CHARACTERS;
  const fits = wanted.findIndex((line) => (room -= line.length + 1) < 0);
  const taken = fits < 0 ? wanted : wanted.slice(0, Math.max(1, fits));
  const until = from + taken.length - 1;
  const cut = taken.length < wanted.length ? { next_line: until + 1 } : {};
  return { first_line: from, last_line: until, total_lines: lines.length, text: taken.join("\n").slice(0, MAX_CHARACTERS), ...cut };
}

/** The excerpt as text for a model; its first line, which people are shown too, says what it is. */
export function described(name: string, { first_line, last_line, total_lines, text, next_line }: Excerpt): string {
  const more = next_line === undefined ? "" : `; go on at line ${next_line}`;
  return `${name}, lines ${first_line}-${last_line} of ${total_lines}${more}\n\n${text}`;
}
