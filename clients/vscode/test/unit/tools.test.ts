import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { edited, parseEdit } from "../../src/host/tools/edit.js";
import { MAX_CHARACTERS, described, excerpt } from "../../src/host/tools/excerpt.js";
import { displayPath, insideWorkspace } from "../../src/host/tools/workspace_paths.js";

describe("a path", () => {
  let outside: string;
  let folder: string;
  beforeEach(() => {
    outside = realpathSync(mkdtempSync(join(tmpdir(), "oricode-paths-")));
    folder = join(outside, "work");
    for (const path of ["work/src", "work/.git", "secret", "other/src"]) mkdirSync(join(outside, path), { recursive: true });
    writeFileSync(join(outside, "secret/key.txt"), "k");
    writeFileSync(join(folder, "src/a.abap"), "REPORT a.");
  });

  afterEach(() => rmSync(outside, { recursive: true }));

  test.each(["src/a.abap", "./src/../src/a.abap", "src/new/folder/b.abap"])("inside is allowed: %s", async (path) => {
    expect(await insideWorkspace(path, [folder])).toBe(join(folder, path));
  });

  test("inside is allowed when it is absolute", async () => {
    expect(await insideWorkspace(join(folder, "src/a.abap"), [folder])).toBe(join(folder, "src/a.abap"));
  });

  test.each(["../secret/key.txt", "src/../../secret/key.txt", "/etc/passwd", "..", "."])("outside is refused: %s", async (path) => {
    await expect(insideWorkspace(path, [folder])).rejects.toThrow("is outside the workspace");
  });

  test("a folder whose name begins like the workspace's is outside", async () => {
    mkdirSync(join(outside, "work-private"));
    await expect(insideWorkspace("../work-private/x", [folder])).rejects.toThrow("outside");
  });

  test("a link that leads out is refused, also for a file that does not exist yet", async () => {
    symlinkSync(join(outside, "secret"), join(folder, "link"));
    await expect(insideWorkspace("link/key.txt", [folder])).rejects.toThrow("outside");
    await expect(insideWorkspace("link/new.txt", [folder])).rejects.toThrow("outside");
  });

  test("a link that leads to nothing yet is judged by where it leads", async () => {
    symlinkSync("../secret/new.txt", join(folder, "planned"));
    symlinkSync("planned", join(folder, "twice"));
    symlinkSync(join(outside, "secret/no/such/folder"), join(folder, "deep"));
    for (const path of ["planned", "twice", "deep/new.txt"]) await expect(insideWorkspace(path, [folder])).rejects.toThrow("outside");
    symlinkSync("src/new.abap", join(folder, "within"));
    expect(await insideWorkspace("within", [folder])).toBe(join(folder, "within"));
  });

  test("a link that leads to itself is refused", async () => {
    symlinkSync("circle", join(folder, "circle"));
    await expect(insideWorkspace("circle", [folder])).rejects.toThrow();
  });

  test("a workspace that is itself reached by a link works", async () => {
    symlinkSync(folder, join(outside, "shortcut"));
    expect(await insideWorkspace("src/a.abap", [join(outside, "shortcut")])).toBe(join(outside, "shortcut/src/a.abap"));
  });

  test.each([".git/config", "src/../.GIT/hooks/pre-commit"])("Git's own files are refused: %s", async (path) => {
    await expect(insideWorkspace(path, [folder])).rejects.toThrow("belongs to Git");
  });

  test.each(["", "  ", "a\0b"])("no path is refused: %j", async (path) => {
    await expect(insideWorkspace(path, [folder])).rejects.toThrow("not a path");
  });

  test("no folder means no file", async () => {
    await expect(insideWorkspace("a", [])).rejects.toThrow("No folder is open");
  });

  test("several folders are told apart by their names, both ways", async () => {
    const both = [folder, join(outside, "other")];
    expect(await insideWorkspace("other/src/b.abap", both)).toBe(join(outside, "other/src/b.abap"));
    expect(displayPath(join(outside, "other/src/b.abap"), both)).toBe("other/src/b.abap");
    expect(displayPath(join(folder, "src/a.abap"), [folder])).toBe("src/a.abap");
    expect(displayPath("/etc/passwd", [folder])).toBe("/etc/passwd");
  });
});

describe("an edit", () => {
  const edit = (oldText: string | null, newText: string) => ({ path: "a", oldText, newText });

  test("replaces the text that occurs once", () => {
    expect(edited("REPORT a.\nWRITE 1.\n", edit("WRITE 1.", "WRITE 2."))).toBe("REPORT a.\nWRITE 2.\n");
  });

  test("keeps the file's line ends", () => {
    expect(edited("a\r\nb\r\nc\r\n", edit("a\nb", "x\ny\nz"))).toBe("x\r\ny\r\nz\r\nc\r\n");
  });

  test("takes what is to be written as it is, also when it looks like a pattern", () => {
    expect(edited("a", edit("a", "$& $1"))).toBe("$& $1");
  });

  test("of the whole file leaves nothing of the old one", () => {
    expect(edited("old", edit(null, "new"))).toBe("new");
  });

  test("is refused when its text is not there, or there twice", () => {
    expect(() => edited("a", edit("b", "c"))).toThrow("does not occur");
    expect(() => edited("aa", edit("a", "c"))).toThrow("more than once");
    expect(() => edited("aaa", edit("aa", "c"))).toThrow("more than once");
  });

  test.each([{}, { path: 1, new_text: "" }, { path: "a" }, { path: "a", new_text: "b", old_text: 1 }])("of %j is refused with the field's name", (input) => {
    expect(() => parseEdit(input)).toThrow(/`(path|new_text|old_text)`/);
  });
});

describe("an excerpt", () => {
  test("is the lines asked for, and says which", () => {
    expect(excerpt("a\nb\r\nc\nd", 2, 3)).toEqual({ first_line: 2, last_line: 3, total_lines: 4, text: "b\nc" });
  });

  test("of a long text ends at a whole line and says where to go on", () => {
    const line = "x".repeat(999);
    const { text, last_line, next_line, total_lines } = excerpt(Array.from({ length: 500 }, () => line).join("\n"));
    expect(text.length).toBeLessThanOrEqual(MAX_CHARACTERS);
    expect([last_line, next_line, total_lines]).toEqual([200, 201, 500]);
  });

  test("of one endless line is cut", () => {
    expect(excerpt("x".repeat(MAX_CHARACTERS * 2)).text.length).toBe(MAX_CHARACTERS);
  });

  test("is described in its first line", () => {
    expect(described("a.abap", excerpt("a\nb\nc", 2, 2))).toBe("a.abap, lines 2-2 of 3\n\nb");
    expect(described("a", { first_line: 1, last_line: 2, total_lines: 9, text: "x", next_line: 3 })).toMatch(/^a, lines 1-2 of 9; go on at line 3\n/);
  });

  test("beyond the end is the last line", () => {
    expect(excerpt("a\nb", 9)).toMatchObject({ first_line: 2, last_line: 2, text: "b" });
  });
});
