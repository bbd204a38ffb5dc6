/**
 * Changes that wait for the user's decision, each shown as a diff between the file and the proposed text.
 *
 * In: a file and a whole new text. Out: whether the user applied it. The user decides by the buttons of the diff or in the
 * chat; closing the diff discards. A file that changed in the meantime is left alone.
 */
import * as vscode from "vscode";

export const SCHEME = "oricode-proposal";

export type Decision = "applied" | "discarded" | "outdated";

interface Proposal {
  target: vscode.Uri;
  /** How the file is called towards the user. */
  label: string;
  text: string;
  /** What the file held when the change was proposed; null when it did not exist. */
  before: string | null;
  decide: (decision: "apply" | "discard") => void;
}

export class Proposals implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly open = new Map<string, Proposal>();
  private count = 0;
  private readonly changes = new vscode.EventEmitter<void>();
  /** A proposal was made or decided: see `waiting`. */
  readonly onDidChangeWaiting = this.changes.event;
  private readonly subscriptions = [
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
    vscode.commands.registerCommand("oricode.applyProposal", (uri?: vscode.Uri) => this.decide(uri, "apply")),
    vscode.commands.registerCommand("oricode.discardProposal", (uri?: vscode.Uri) => this.decide(uri, "discard")),
    vscode.window.tabGroups.onDidChangeTabs(({ closed }) => closed.forEach((tab) => this.closed(tab))),
  ];

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.open.get(uri.toString())?.text ?? "";
  }

  /** Shows the diff and waits for the decision; `signal` withdraws the proposal. */
  async propose(target: vscode.Uri, text: string, label: string, signal?: AbortSignal): Promise<Decision> {
    const before = await textOf(target);
    const uri = vscode.Uri.from({ scheme: SCHEME, path: target.path, query: String(++this.count) });
    const decided = new Promise<"apply" | "discard">((decide) => {
      this.open.set(uri.toString(), { target, label, text, before, decide });
    });
    const withdraw = () => this.decide(uri, "discard");
    signal?.addEventListener("abort", withdraw);
    await this.updateContext();
    try {
      const left = before === null ? vscode.Uri.from({ scheme: SCHEME, path: target.path, query: "nothing" }) : target;
      await vscode.commands.executeCommand("vscode.diff", left, uri, `${label} (proposed by Oricode)`, { preview: false });
      if ((await decided) === "discard") return "discarded";
      return (await textOf(target)) === before ? await this.apply(target, text) : "outdated";
    } finally {
      signal?.removeEventListener("abort", withdraw);
      this.open.delete(uri.toString());
      await this.closeTab(uri);
      await this.updateContext();
    }
  }

  dispose(): void {
    for (const proposal of this.open.values()) proposal.decide("discard");
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changes.dispose();
  }

  /** The label of the change that waits, the latest if several; empty when none does. */
  get waiting(): string {
    return [...this.open.values()].at(-1)?.label ?? "";
  }

  /** Without `uri`: the proposal that is shown, else the latest. */
  decide(uri: vscode.Uri | undefined, decision: "apply" | "discard"): void {
    const shown = vscode.window.activeTextEditor?.document.uri;
    const wanted = [uri, shown].map((one) => this.open.get(one?.toString() ?? "")).find(Boolean);
    (wanted ?? [...this.open.values()].at(-1))?.decide(decision);
  }

  private async apply(target: vscode.Uri, text: string): Promise<Decision> {
    const edit = new vscode.WorkspaceEdit();
    if ((await textOf(target)) === null) edit.createFile(target, { ignoreIfExists: false, contents: new TextEncoder().encode(text) });
    else {
      const document = await vscode.workspace.openTextDocument(target);
      edit.replace(target, new vscode.Range(0, 0, document.lineCount, 0), text);
    }
    if (!(await vscode.workspace.applyEdit(edit))) return "outdated";
    const document = await vscode.workspace.openTextDocument(target);
    if (!document.isUntitled) await document.save();
    await vscode.window.showTextDocument(document, { preview: false });
    return "applied";
  }

  private closed(tab: vscode.Tab): void {
    if (tab.input instanceof vscode.TabInputTextDiff) this.open.get(tab.input.modified.toString())?.decide("discard");
  }

  private async closeTab(uri: vscode.Uri): Promise<void> {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const mine = tabs.filter((tab) => tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.toString() === uri.toString());
    if (mine.length) await vscode.window.tabGroups.close(mine);
  }

  private async updateContext(): Promise<void> {
    this.changes.fire();
    await vscode.commands.executeCommand("setContext", "oricode.proposal", this.open.size > 0);
  }
}

/** The file's text as the editor has it, unsaved changes included; null when there is no such file. */
export async function textOf(uri: vscode.Uri): Promise<string | null> {
  const shown = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (shown) return shown.getText();
  try {
    await vscode.workspace.fs.stat(uri);
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === "FileNotFound") return null;
    throw error;
  }
  return (await vscode.workspace.openTextDocument(uri)).getText();
}
