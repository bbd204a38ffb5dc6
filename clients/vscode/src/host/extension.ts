/** Start and end of the extension: makes the parts and joins them, each disposed in reverse order. */
import * as vscode from "vscode";
import { ChatSession } from "./chat_session.js";
import { registerCommands } from "./commands.js";
import { Proposals } from "./proposals.js";
import { Keys, badAddress } from "./settings.js";

export function activate(context: vscode.ExtensionContext): void {
  const own = <T extends vscode.Disposable>(part: T): T => {
    context.subscriptions.push(part);
    return part;
  };
  const log = own(vscode.window.createOutputChannel("Oricode", { log: true }));
  const keys = new Keys(context.secrets);
  const proposals = own(new Proposals());
  const session = own(new ChatSession(context, keys, proposals, log));
  own(vscode.window.registerWebviewViewProvider("oricode.chat", session.view));
  for (const command of registerCommands(session, keys)) own(command);
  own(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (!change.affectsConfiguration("oricode")) return;
      warnAboutAddress();
      session.settingsChanged().catch((error: unknown) => log.error(String(error)));
    }),
  );
  warnAboutAddress();
  session.restore();
}

function warnAboutAddress(): void {
  const problem = badAddress();
  if (problem) void vscode.window.showWarningMessage(`Oricode: ${problem}`);
}
