/** The tools the assistant may call in this editor: reading the editor, reading a file, and proposing a change to one. */
import * as vscode from "vscode";
import type { ClientTool } from "@oricode/client";
import { textOf, type Proposals } from "../proposals.js";
import { edited, parseEdit } from "./edit.js";
import { MAX_CHARACTERS, described, excerpt } from "./excerpt.js";
import { displayPath, insideWorkspace } from "./workspace_paths.js";

/** None in a workspace the user does not trust. */
export function clientTools(proposals: Proposals): ClientTool[] {
  if (!vscode.workspace.isTrusted) return [];
  return [readEditor(), readFile(), applyEdit(proposals)];
}

/** Absolute paths of the workspace's folders on disk. */
export function folders(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file").map(({ uri }) => uri.fsPath);
}

function readEditor(): ClientTool {
  return {
    name: "read_editor",
    description: "The file in the user's active editor: path, language, cursor, selected text and the text around it.",
    input_schema: { type: "object", properties: {}, additionalProperties: false },
    async run() {
      const editor = vscode.window.activeTextEditor;
      if (!editor) throw new Error("No editor is open.");
      const { document, selection } = editor;
      if (!document.isUntitled) await insideWorkspace(document.uri.fsPath, folders());
      const name = document.isUntitled ? "an unsaved document" : displayPath(document.uri.fsPath, folders());
      const cursor = `cursor in line ${selection.active.line + 1}`;
      if (selection.isEmpty) return described(`${name} (${document.languageId}), ${cursor}`, excerpt(document.getText()));
      const lines = `${selection.start.line + 1}-${selection.end.line + 1} selected`;
      const head = described(`${name} (${document.languageId}), ${cursor}, lines ${lines}`, excerpt(document.getText()));
      return `${head}\n\nThe selected text:\n${document.getText(selection).slice(0, MAX_CHARACTERS)}`;
    },
  };
}

function readFile(): ClientTool {
  return {
    name: "read_file",
    description: "The text of a file of the workspace, whole or from one line to another.",
    input_schema: {
      type: "object",
      properties: {
        path: { type: "string", description: "Relative to the workspace, for example src/zreport.abap." },
        first_line: { type: "integer", minimum: 1 },
        last_line: { type: "integer", minimum: 1 },
      },
      required: ["path"],
      additionalProperties: false,
    },
    async run({ path, first_line, last_line }) {
      if (typeof path !== "string") throw new TypeError("`path` must be a string.");
      const absolute = await insideWorkspace(path, folders());
      const text = await textOf(vscode.Uri.file(absolute));
      if (text === null) throw new Error(`There is no file "${path}".`);
      const line = (value: unknown) => (typeof value === "number" ? value : undefined);
      return described(displayPath(absolute, folders()), excerpt(text, line(first_line), line(last_line)));
    },
  };
}

function applyEdit(proposals: Proposals): ClientTool {
  return {
    name: "apply_edit",
    description:
      "Proposes a change to a file of the workspace. The user sees it as a diff and applies or discards it. " +
      "Give old_text (exactly as in the file, occurring once) and new_text; leave old_text out to write the whole file.",
    input_schema: {
      type: "object",
      properties: { path: { type: "string" }, old_text: { type: "string" }, new_text: { type: "string" } },
      required: ["path", "new_text"],
      additionalProperties: false,
    },
    async run(input, { signal }) {
      const edit = parseEdit(input);
      const absolute = await insideWorkspace(edit.path, folders());
      const target = vscode.Uri.file(absolute);
      const before = await textOf(target);
      if (before === null && edit.oldText !== null) throw new Error(`There is no file "${edit.path}".`);
      const after = edited(before ?? "", edit);
      if (after === before) return "The file already has this text.";
      const decision = await proposals.propose(target, after, displayPath(absolute, folders()), signal);
      if (decision === "outdated") throw new Error("The file was changed while the user was deciding. Read it again.");
      if (decision === "discarded") throw new Error("The user discarded the change.");
      return "The user applied the change; the file is saved.";
    },
  };
}
