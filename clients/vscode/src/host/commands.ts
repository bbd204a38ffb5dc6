/** The commands of the palette, menus and keys. */
import * as vscode from "vscode";
import { OricodeClient, OricodeClientError } from "@oricode/client";
import type { ChatSession } from "./chat_session.js";
import { attachmentOfEditor, insertAtCursor } from "./editor.js";
import { readSettings, type Keys } from "./settings.js";

export function registerCommands(session: ChatSession, keys: Keys): vscode.Disposable[] {
  const commands: Record<string, (...given: unknown[]) => unknown> = {
    ask: async (given) => {
      const text = typeof given === "string" ? given : await vscode.window.showInputBox({ title: "Ask Oricode", prompt: "Your question" });
      if (!text?.trim()) return;
      await session.showView();
      await session.ask(text);
    },
    askAboutSelection: async () => {
      const attachment = attachmentOfEditor();
      if (!attachment) return void vscode.window.showInformationMessage("Open a file first, and select what your question is about.");
      session.attach(attachment);
      await session.showView();
    },
    insertAnswer: async () => {
      if (!session.lastAnswer) return void vscode.window.showInformationMessage("There is no answer yet.");
      await insertAtCursor(session.lastAnswer);
    },
    applyCodeBlock: () => session.proposeLastCodeBlock(),
    stop: () => session.stop(),
    newChat: async () => {
      session.newChat();
      await session.showView();
    },
    chooseChat: () => chooseChat(session),
    signIn: () => signIn(session, keys),
    signOut: async () => {
      await keys.forget(readSettings().url);
      await session.signedIn();
    },
  };
  return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(`oricode.${name}`, run));
}

async function chooseChat(session: ChatSession): Promise<void> {
  const loading = session.listChats().then(({ chats }) => {
    const found = chats as { chat_id: string; title?: string; updated_at: number; live_run?: string }[];
    return found.map((chat) => ({
      label: `${chat.live_run ? "$(loading~spin) " : ""}${chat.title || "Without a title"}`,
      description: new Date(chat.updated_at).toLocaleString(),
      chat,
    }));
  });
  try {
    const picked = await vscode.window.showQuickPick(loading, { title: "Choose a chat", placeHolder: "Type to search the titles" });
    if (!picked) return;
    await session.openChat(picked.chat.chat_id, picked.chat.live_run ?? null);
    await session.showView();
  } catch (error) {
    if (!(error instanceof OricodeClientError)) throw error;
    void vscode.window.showErrorMessage(`Oricode: ${error.message}`);
  }
}

/** Asks for the key, tries it, and keeps it when the service takes it. */
async function signIn(session: ChatSession, keys: Keys): Promise<void> {
  const { url } = readSettings();
  const key = await vscode.window.showInputBox({
    title: `Sign in to ${url}`,
    prompt: "The key that your operator gave you. It is kept in the editor's secret store.",
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (/^[\x21-\x7e]*$/.test(text.trim()) ? null : "A key has no spaces and no special characters."),
  });
  if (!key?.trim()) return;
  try {
    await new OricodeClient(url, key.trim()).models();
  } catch (error) {
    if (!(error instanceof OricodeClientError)) throw error;
    if (error.blame !== "network") {
      const why = error.code === "unauthorized" ? `${url} does not accept this key.` : `${url}: ${error.message}`;
      const answer = await vscode.window.showErrorMessage(`Oricode: ${why}`, "Try Again");
      return answer ? signIn(session, keys) : undefined;
    }
    void vscode.window.showWarningMessage(`Oricode: ${error.message} The key is kept, and tried when the service can be reached.`);
  }
  await keys.set(url, key.trim());
  await session.signedIn();
}
