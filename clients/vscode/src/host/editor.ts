/** What the assistant's answers do in the editor at the user's wish, and what the user's selection says to it. */
import * as vscode from "vscode";
import type { Proposals } from "./proposals.js";
import { folders } from "./tools/client_tools.js";
import { displayPath } from "./tools/workspace_paths.js";

export interface Attachment {
  /** For the user, for example `zreport.abap:3-9`. */
  label: string;
  /** What is put before the question. */
  text: string;
}

/** The selection of the active editor, or its whole file when nothing is selected; null without an editor. */
export function attachmentOfEditor(): Attachment | null {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return null;
  const { document, selection } = editor;
  const name = document.isUntitled ? document.fileName : displayPath(document.uri.fsPath, folders());
  const whole = selection.isEmpty;
  const lines = whole ? "" : `:${selection.start.line + 1}-${selection.end.line + 1}`;
  const code = document.getText(whole ? undefined : selection);
  const fence = "`".repeat(Math.max(3, ...[...code.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  const label = `${name.split("/").at(-1)}${lines}`;
  return { label, text: `From ${name}${lines}:\n${fence}${document.languageId}\n${code}\n${fence}` };
}

export async function insertAtCursor(text: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return void vscode.window.showInformationMessage("Open a file first: the text is inserted at its cursor.");
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
  await editor.edit((edit) => edit.replace(editor.selection, text));
}

/** Shows the code as a change to the selection, or to the whole file when nothing is selected. */
export async function proposeForEditor(proposals: Proposals, code: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return void vscode.window.showInformationMessage("Open the file first that the code belongs to.");
  const { document, selection } = editor;
  const text = document.getText();
  const from = selection.isEmpty ? 0 : document.offsetAt(selection.start);
  const to = selection.isEmpty ? text.length : document.offsetAt(selection.end);
  const ended = selection.isEmpty && text.endsWith("\n") && !code.endsWith("\n") ? `${code}\n` : code;
  const label = displayPath(document.uri.fsPath, folders()).split("/").at(-1) ?? "the file";
  const decision = await proposals.propose(document.uri, text.slice(0, from) + ended + text.slice(to), label);
  if (decision === "outdated") void vscode.window.showWarningMessage(`${label} was changed in the meantime. Nothing was applied.`);
}
