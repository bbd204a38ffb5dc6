/** Fenced code blocks in an answer. Pure. */

/** The code of each block, in order; one that is still being written counts up to its end so far. */
export function codeBlocks(markdown: string): string[] {
  const blocks: string[] = [];
  let fence: RegExp | null = null;
  let lines: string[] = [];
  for (const line of markdown.split("\n")) {
    if (fence) {
      if (fence.test(line)) {
        blocks.push(lines.join("\n"));
        fence = null;
      } else lines.push(line);
      continue;
    }
    const opening = /^ {0,3}(`{3,}|~{3,})[^`]*$/.exec(line)?.[1];
    if (!opening) continue;
    fence = new RegExp(`^ {0,3}${opening[0]}{${opening.length},}\\s*$`);
    lines = [];
  }
  if (fence) blocks.push(lines.join("\n"));
  return blocks;
}
