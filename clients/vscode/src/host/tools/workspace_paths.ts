/**
 * Which files the assistant may touch: those inside the workspace's folders, and nothing else.
 *
 * In: a path as a model wrote it. Out: the absolute path, or a TypeError whose sentence the model is told. Symbolic links
 * are followed before the judgement, also those of folders that lead to a file that does not exist yet.
 */
import { readlink, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

/** `folders`: absolute paths of the workspace's folders, the first one being where relative paths begin. */
export async function insideWorkspace(path: string, folders: readonly string[]): Promise<string> {
  const [first] = folders;
  if (first === undefined) throw new TypeError("No folder is open, so no file can be reached.");
  if (!path.trim() || path.includes("\0")) throw new TypeError("The path is empty or not a path.");
  for (const candidate of candidates(path, folders)) {
    const real = await realOrPlanned(candidate);
    for (const folder of folders) {
      const within = relative(await realOrPlanned(folder), real);
      if (within === "" || within.startsWith("..") || isAbsolute(within)) continue;
      if (within.split(sep).some((part) => part.toLowerCase() === ".git")) throw new TypeError(`"${path}" belongs to Git and is left alone.`);
      return candidate;
    }
  }
  throw new TypeError(`"${path}" is outside the workspace.`);
}

/** How a file of the workspace is called towards people and the model; absolute when it is outside. */
export function displayPath(path: string, folders: readonly string[]): string {
  for (const folder of folders) {
    const within = relative(folder, path);
    if (within && !within.startsWith("..") && !isAbsolute(within)) {
      const shown = within.split(sep).join("/");
      return folders.length > 1 ? `${basename(folder)}/${shown}` : shown;
    }
  }
  return path;
}

/** With several folders, `name/rest` means the folder of that name; otherwise paths begin in the first folder. */
function candidates(path: string, folders: readonly string[]): string[] {
  if (isAbsolute(path)) return [resolve(path)];
  const [head, ...rest] = path.split(/[\\/]/);
  const named = folders.length > 1 && rest.length ? folders.filter((folder) => basename(folder) === head) : [];
  return [...named.map((folder) => resolve(folder, ...rest)), resolve(folders[0]!, path)];
}

/** The path with all links followed; for what does not exist yet, its nearest existing folder's, and the rest. */
async function realOrPlanned(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
    const target = await linkTarget(path);
    if (target !== null) return realOrPlanned(target); // a link to nothing yet: writing to it would make its target
    const parent = dirname(path);
    return parent === path ? path : join(await realOrPlanned(parent), basename(path));
  }
}

/** Where the link at this path leads; null when there is nothing at this path. */
async function linkTarget(path: string): Promise<string | null> {
  try {
    return resolve(dirname(path), await readlink(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
