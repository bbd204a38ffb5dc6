/**
 * The chat's webview: makes its page, and carries typed messages between the page and the rest of the host.
 *
 * The page may be destroyed at any time (hidden view, moved view) and made again: everything it shows comes from
 * `Session.page`, sent whole whenever a page says that it is ready.
 */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { fromPage, type FromPage, type ToPage } from "../shared/messages.js";
import { contentSecurityPolicy, pageHtml } from "./policy.js";

export interface Session {
  /** What the page may connect to by itself, for its security policy; null: nothing. */
  directUrl(): Promise<string | null>;
  /** A message of the page. What it rejects with is logged. */
  received(message: FromPage): Promise<void>;
  /** The user has closed or covered the view. */
  hidden(): void;
}

export class ChatView implements vscode.WebviewViewProvider, vscode.Disposable {
  private view: vscode.WebviewView | null = null;
  private pageReady = false;
  private subscriptions: vscode.Disposable[] = [];

  constructor(
    private readonly folder: vscode.Uri,
    private readonly session: Session,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  get visible(): boolean {
    return this.view?.visible ?? false;
  }

  async resolveWebviewView(view: vscode.WebviewView): Promise<void> {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.view = view;
    this.pageReady = false;
    view.webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(this.folder, "out")] };
    this.subscriptions = [
      view.webview.onDidReceiveMessage((value: unknown) => this.receive(value)),
      view.onDidChangeVisibility(() => view.visible || this.session.hidden()),
      view.onDidDispose(() => {
        this.view = null;
        this.pageReady = false;
        this.session.hidden();
      }),
    ];
    await this.load();
  }

  /** Makes the page anew, as its security policy names the service's address. */
  async load(): Promise<void> {
    if (!this.view) return;
    this.pageReady = false;
    const { webview } = this.view;
    const file = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(this.folder, "out", name)).toString();
    const nonce = randomBytes(16).toString("base64url");
    const csp = contentSecurityPolicy(webview.cspSource, nonce, await this.session.directUrl());
    webview.html = pageHtml({ csp, nonce, script: file("page.js"), style: file("page.css"), title: "Oricode" });
  }

  /** Messages to a page that is not there (yet) are dropped: it asks for everything when it is ready. */
  post(message: ToPage): void {
    if (this.view && this.pageReady) void this.view.webview.postMessage(message);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private receive(value: unknown): void {
    const message = fromPage(value);
    if (!message) return this.log.warn("The page sent something that is no message.");
    if (message.type === "ready") this.pageReady = true;
    this.session.received(message).catch((error: unknown) => this.log.error(error instanceof Error ? error : String(error)));
  }
}
