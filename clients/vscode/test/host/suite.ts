/** Runs inside the extension host of a real editor, beside the extension; `run` rejects when a test fails. */
import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { attachmentOfEditor, insertAtCursor } from "../../src/host/editor.js";
import type { Decision, Proposals } from "../../src/host/proposals.js";
import { textOf } from "../../src/host/proposals.js";
import { DEFAULT_URL, Keys, badAddress, readSettings } from "../../src/host/settings.js";
import { clientTools } from "../../src/host/tools/client_tools.js";

const NEVER = new AbortController().signal;
const folder = () => vscode.workspace.workspaceFolders![0]!.uri;
const file = (name: string) => vscode.Uri.joinPath(folder(), name);

/** Stands in for the user's decision; remembers what was proposed. */
class Decided {
  proposed: { target: string; text: string; label: string } | null = null;
  constructor(private readonly decision: Decision) {}

  async propose(target: vscode.Uri, text: string, label: string): Promise<Decision> {
    this.proposed = { target: target.fsPath, text, label };
    return this.decision;
  }
}

async function call(name: string, input: Record<string, unknown>, user = new Decided("applied")): Promise<string> {
  const tool = clientTools(user as unknown as Proposals).find((one) => one.name === name)!;
  return String(await tool.run(input, { toolCallId: "call_1", signal: NEVER }));
}

async function openFile(name: string, text: string): Promise<vscode.TextEditor> {
  writeFileSync(file(name).fsPath, text);
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file(name)), { preview: false });
}

const TESTS: Record<string, () => Promise<void>> = {
  "the extension is active and has its commands": async () => {
    const extension = vscode.extensions.getExtension("oricode.oricode")!;
    await extension.activate();
    const commands = await vscode.commands.getCommands(true);
    const declared = (extension.packageJSON as { contributes: { commands: { command: string }[] } }).contributes.commands;
    assert.deepEqual(declared.map(({ command }) => command).filter((command) => !commands.includes(command)), []);
  },

  "the chat view can be shown": async () => {
    await vscode.commands.executeCommand("oricode.chat.focus");
  },

  "settings have their defaults, and a bad address falls back to the default with a warning": async () => {
    const section = vscode.workspace.getConfiguration("oricode");
    await section.update("url", "not an address", vscode.ConfigurationTarget.Global);
    assert.equal(readSettings().url, DEFAULT_URL);
    assert.match(badAddress() ?? "", /not an address/);
    await section.update("url", "http://127.0.0.1:9/prefix/", vscode.ConfigurationTarget.Global);
    assert.deepEqual(readSettings(), { url: "http://127.0.0.1:9/prefix", model: "", transport: "auto" });
    assert.equal(badAddress(), null);
    await section.update("url", undefined, vscode.ConfigurationTarget.Global);
  },

  "a key belongs to one address and is not found under another": async () => {
    const secrets = new Map<string, string>();
    const store = {
      get: async (name: string) => secrets.get(name),
      store: async (name: string, value: string) => void secrets.set(name, value),
      delete: async (name: string) => void secrets.delete(name),
    } as unknown as vscode.SecretStorage;
    const keys = new Keys(store);
    await keys.set("https://a.example", "k");
    assert.deepEqual([await keys.get("https://a.example"), await keys.get("https://b.example")], ["k", undefined]);
    await keys.forget("https://a.example");
    assert.equal(await keys.get("https://a.example"), undefined);
  },

  "read_editor tells the file, the cursor, the selection and the text": async () => {
    const editor = await openFile("a.abap", "REPORT a.\nWRITE 1.\nWRITE 2.\n");
    editor.selection = new vscode.Selection(1, 0, 1, 8);
    const text = await call("read_editor", {});
    assert.match(text, /^a\.abap \(\w+\), cursor in line 2, lines 2-2 selected, lines 1-4 of 4\n\nREPORT a\./);
    assert.match(text, /The selected text:\nWRITE 1\.$/);
  },

  "read_editor shows what is not saved yet, and refuses a file outside the workspace": async () => {
    const editor = await openFile("b.abap", "old");
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "new "));
    assert.match(await call("read_editor", {}), /new old/);
    await editor.document.save();
    const outside = join(tmpdir(), `oricode-outside-${process.pid}.txt`);
    writeFileSync(outside, "secret");
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(outside));
    await assert.rejects(call("read_editor", {}), /outside the workspace/);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await assert.rejects(call("read_editor", {}), /No editor is open/);
    rmSync(outside);
  },

  "read_file reads lines, and refuses what is outside, linked out, Git's or missing": async () => {
    writeFileSync(file("c.abap").fsPath, "1\n2\n3\n4");
    assert.equal(await call("read_file", { path: "c.abap", first_line: 2, last_line: 3 }), "c.abap, lines 2-3 of 4\n\n2\n3");
    symlinkSync(tmpdir(), file("out").fsPath);
    for (const path of ["../x", "/etc/passwd", "out/x", ".git/config"]) {
      await assert.rejects(call("read_file", { path }), /outside the workspace|belongs to Git/);
    }
    await assert.rejects(call("read_file", { path: "missing.abap" }), /There is no file/);
    await assert.rejects(call("read_file", {}), /`path` must be a string/);
  },

  "apply_edit proposes, and reports what the user decided": async () => {
    await openFile("d.abap", "REPORT d.\nWRITE 1.\n");
    const user = new Decided("applied");
    const edit = { path: "d.abap", old_text: "WRITE 1.", new_text: "WRITE 2." };
    assert.match(await call("apply_edit", edit, user), /applied/);
    assert.deepEqual(user.proposed, { target: file("d.abap").fsPath, text: "REPORT d.\nWRITE 2.\n", label: "d.abap" });
    await assert.rejects(call("apply_edit", edit, new Decided("discarded")), /discarded/);
    await assert.rejects(call("apply_edit", edit, new Decided("outdated")), /changed while/);
    await assert.rejects(call("apply_edit", { ...edit, path: "../d.abap" }), /outside the workspace/);
    await assert.rejects(call("apply_edit", { ...edit, path: "missing.abap" }), /There is no file/);
    assert.equal(await textOf(file("d.abap")), "REPORT d.\nWRITE 1.\n");
  },

  "apply_edit can propose a new file": async () => {
    const user = new Decided("applied");
    await call("apply_edit", { path: "src/new.abap", new_text: "REPORT new.\n" }, user);
    assert.equal(user.proposed?.text, "REPORT new.\n");
    assert.equal(await textOf(file("src/new.abap")), null);
  },

  "the selection is attached with its file, its lines and a fence that holds": async () => {
    const editor = await openFile("e.md", "text\n```\ncode\n```\n");
    editor.selection = new vscode.Selection(1, 0, 3, 3);
    assert.deepEqual(attachmentOfEditor(), { label: "e.md:2-4", text: "From e.md:2-4:\n````markdown\n```\ncode\n```\n````" });
    editor.selection = new vscode.Selection(0, 0, 0, 0);
    assert.equal(attachmentOfEditor()?.label, "e.md");
  },

  "text is inserted at the cursor": async () => {
    const editor = await openFile("f.abap", "REPORT f.\n");
    editor.selection = new vscode.Selection(1, 0, 1, 0);
    await insertAtCursor("WRITE 1.");
    assert.equal(editor.document.getText(), "REPORT f.\nWRITE 1.");
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },
};

export async function run(): Promise<void> {
  const failed: string[] = [];
  for (const [name, test] of Object.entries(TESTS)) {
    try {
      await test();
      console.log(`ok: ${name}`);
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  if (failed.length) throw new Error(`${failed.length} of ${Object.keys(TESTS).length} failed\n${failed.join("\n")}`);
  console.log(`passed: ${Object.keys(TESTS).length}`);
}
