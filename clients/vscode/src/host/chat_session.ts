/**
 * Joins the conversation with its surfaces: the chat view, the status bar, and messages to the user.
 *
 * Owns the client and the conversation of the configured service; both are made anew when its address changes.
 */
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import { OricodeClient, RequestRefused, type OricodeEvent } from "@oricode/client";
import { KEY_FAILURES, type Exchange, type FromPage, type Path } from "../shared/messages.js";
import { codeBlocks } from "../shared/code_blocks.js";
import { ChatView, type Session } from "./chat_view.js";
import { Conversation, failureOf } from "./conversation.js";
import { insertAtCursor, proposeForEditor, type Attachment } from "./editor.js";
import { obstacle } from "./policy.js";
import type { Proposals } from "./proposals.js";
import type { Saved } from "./saved.js";
import { readSettings, type Keys, type Settings } from "./settings.js";
import { StatusBar } from "./status_bar.js";
import { clientTools } from "./tools/client_tools.js";

/** A question is tried for this long before the user is asked whether to try again; a restart takes less. */
const START_PATIENCE_MS = 120_000;

export class ChatSession implements Session, vscode.Disposable {
  readonly view: ChatView;
  private readonly status = new StatusBar();
  private settings: Settings;
  private client: OricodeClient;
  private conversation: Conversation;
  private attachment: Attachment | null = null;
  /** How this page gets its answers. */
  private path: Path = { kind: "relay", reason: "" };
  /** Approvals that were asked for by a message already. */
  private readonly askedFor = new Set<string>();
  private readonly subscription: vscode.Disposable;
  /** Why this page cannot connect by itself, as it found out; null while it has not. */
  private relayReason: string | null = null;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly keys: Keys,
    private readonly proposals: Proposals,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.settings = readSettings();
    this.client = this.makeClient();
    this.conversation = this.makeConversation();
    this.view = new ChatView(context.extensionUri, this, log);
    this.subscription = proposals.onDidChangeWaiting(() => this.view.post({ type: "proposal", label: proposals.waiting }));
  }

  restore(): void {
    this.conversation.restore();
    // Without it, the kept texts stay on show.
    this.conversation.refresh().catch((error: unknown) => this.log.info(`The chat is shown as it was kept: ${failureOf(error).message}`));
  }

  dispose(): void {
    this.subscription.dispose();
    this.conversation.dispose();
    this.status.dispose();
    this.view.dispose();
  }

  // What the user does, by command or in the page.

  async ask(text: string): Promise<void> {
    const { attachment } = this;
    this.attach(null);
    this.conversation.ask(text, attachment ?? undefined);
  }

  /** What goes before the next question; null: nothing. */
  attach(attachment: Attachment | null): void {
    this.attachment = attachment;
    this.view.post({ type: "context", label: attachment?.label ?? "" });
  }

  async showView(): Promise<void> {
    await vscode.commands.executeCommand("oricode.chat.focus");
    this.view.post({ type: "focus" });
  }

  stop(): Promise<void> {
    return this.tell(this.conversation.stop());
  }

  newChat(): void {
    this.attach(null);
    this.conversation.clear();
  }

  openChat(chatId: string, liveRun: string | null): Promise<void> {
    return this.tell(this.conversation.open(chatId, liveRun));
  }

  listChats(): Promise<Record<string, unknown>> {
    return this.client.chats({ limit: 50 });
  }

  /** The last answer that has text; empty without one. */
  get lastAnswer(): string {
    return this.conversation.exchanges.findLast(({ view }) => view.run.text)?.view.run.text ?? "";
  }

  proposeLastCodeBlock(): Promise<void> {
    const code = codeBlocks(this.lastAnswer).at(-1);
    if (code === undefined) return Promise.resolve(void vscode.window.showInformationMessage("The last answer holds no code block."));
    return proposeForEditor(this.proposals, code);
  }

  // What changes around it.

  /** The key has changed. */
  async signedIn(): Promise<void> {
    this.conversation.resumeAfterSignIn();
    await this.sendConversation();
  }

  async settingsChanged(): Promise<void> {
    const before = this.settings;
    this.settings = readSettings();
    this.relayReason = null;
    if (before.url !== this.settings.url) {
      this.conversation.dispose();
      this.client = this.makeClient();
      this.conversation = this.makeConversation();
      this.conversation.clear();
    }
    if (before.url !== this.settings.url || before.transport !== this.settings.transport) await this.view.load();
  }

  async directUrl(): Promise<string | null> {
    await this.choosePath();
    return this.path.kind === "direct" ? this.path.url : null;
  }

  hidden(): void {
    for (const approval of this.conversation.live?.view.run.approvals ?? []) void this.askForApproval(approval.approval_id, approval.reason);
  }

  async received(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.relayReason = null;
        return this.sendConversation();
      case "ask":
        return this.ask(message.text);
      case "stop":
        return this.stop();
      case "approve":
        return this.tell(this.conversation.approve(message.approvalId, message.decision));
      case "insert":
        return insertAtCursor(message.code);
      case "apply":
        return proposeForEditor(this.proposals, message.code);
      case "copy":
        return vscode.env.clipboard.writeText(message.code);
      case "decide":
        return this.proposals.decide(undefined, message.decision);
      case "rate":
        return this.tell(this.conversation.rate(message.exchange, message.rating));
      case "retry":
        return this.conversation.retry(message.exchange);
      case "command":
        return this.command(message.command);
      case "relay":
        this.log.info(`The chat view is relayed to: ${message.reason}`);
        this.relayReason = message.reason;
        return this.sendConversation();
      case "ticket":
        return this.sendTicket(message.ref);
      default:
        message satisfies never;
    }
  }

  private async command(command: Extract<FromPage, { type: "command" }>["command"]): Promise<void> {
    if (command === "dropContext") return this.attach(null);
    if (command === "openSettings") return void (await vscode.commands.executeCommand("workbench.action.openSettings", "oricode"));
    await vscode.commands.executeCommand(`oricode.${command}`);
  }

  private async sendTicket(ref: number): Promise<void> {
    try {
      this.view.post({ type: "reply", ref, value: await this.client.ticket() });
    } catch (error) {
      this.view.post({ type: "reply", ref, failure: failureOf(error) });
    }
  }

  private async sendConversation(): Promise<void> {
    const { url } = this.settings;
    const signedIn = (await this.keys.get(url)) !== undefined;
    await this.choosePath();
    const { exchanges } = this.conversation;
    this.view.post({ type: "conversation", exchanges, path: this.path, signedIn, context: this.attachment?.label ?? "" });
    this.view.post({ type: "proposal", label: this.proposals.waiting });
  }

  private async choosePath(): Promise<void> {
    this.path = await this.bestPath();
  }

  private async bestPath(): Promise<Path> {
    const { url, transport } = this.settings;
    if (this.relayReason !== null) return { kind: "relay", reason: this.relayReason };
    if (transport === "relay") return { kind: "relay", reason: "as the setting oricode.transport asks for" };
    // In a remote window the page runs on another machine than the host: the editor may map the address for it.
    const mapped = (await vscode.env.asExternalUri(vscode.Uri.parse(url))).toString(true).replace(/\/+$/, "");
    const fallback = transport === "auto";
    const reason = obstacle(mapped, { secure: true });
    return reason !== null && fallback ? { kind: "relay", reason } : { kind: "direct", url: mapped, fallback };
  }

  private makeClient(): OricodeClient {
    const { url } = this.settings;
    const key = async () => {
      const found = await this.keys.get(url);
      if (found === undefined) throw new RequestRefused("signed_out", "Sign in first: there is no key for this service yet.");
      return found;
    };
    return new OricodeClient(url, key, { transport: "sse", clientType: "vscode", patienceMs: Infinity, startPatienceMs: START_PATIENCE_MS });
  }

  private makeConversation(): Conversation {
    const { workspaceState } = this.context;
    const memory = {
      load: () => workspaceState.get<Saved>("conversation"),
      save: (saved: Saved) => void workspaceState.update("conversation", saved),
    };
    const around = { client: this.client, tools: () => clientTools(this.proposals), model: () => readSettings().model, memory, newId: randomUUID };
    return new Conversation(around, {
      replaced: () => {
        this.showStatus();
        this.sendConversation().catch((error: unknown) => this.log.error(String(error)));
      },
      changed: (exchange) => this.changed(exchange),
      event: (exchange, event) => this.event(exchange, event),
    });
  }

  private changed(exchange: Exchange): void {
    this.view.post({ type: "exchange", exchange });
    this.showStatus();
    if (exchange.failure) void this.showFailure(exchange);
  }

  private event(exchange: Exchange, event: OricodeEvent): void {
    // Before the service has named the run there is nothing that the page could follow by itself.
    if (this.path.kind === "relay" || exchange.runId === null) this.view.post({ type: "event", exchange: exchange.id, event });
    else if (event.event === "done") this.view.post({ type: "exchange", exchange });
    this.showStatus();
    if (event.event === "error") void this.showFailure(exchange);
    if (event.event === "approval_required" && !this.view.visible) void this.askForApproval(event.data.approval_id, event.data.reason);
  }

  private showStatus(): void {
    const { live, exchanges } = this.conversation;
    this.status.show(live ?? exchanges.at(-1) ?? null);
    void vscode.commands.executeCommand("setContext", "oricode.busy", live !== null);
  }

  private async showFailure(exchange: Exchange): Promise<void> {
    const { failure, view } = exchange;
    const code = failure?.code ?? view.run.error?.code;
    const action = KEY_FAILURES.has(code ?? "") ? "Sign In" : "Try Again";
    const sentence = failure?.message ?? view.run.error?.error ?? view.label;
    this.log.error(`${code ?? ""} ${sentence}`);
    const answer = await vscode.window.showErrorMessage(`Oricode: ${sentence}`, action);
    if (answer === "Sign In") await vscode.commands.executeCommand("oricode.signIn");
    if (answer === "Try Again") this.conversation.retry(exchange.id);
  }

  /** In the chat it is asked for anyway; this is for the user who does not see it. */
  private async askForApproval(approvalId: string, reason: string): Promise<void> {
    if (this.askedFor.has(approvalId)) return;
    this.askedFor.add(approvalId);
    const answer = await vscode.window.showWarningMessage(`Oricode asks for your approval: ${reason}`, "Approve", "Deny");
    if (answer) await this.tell(this.conversation.approve(approvalId, answer === "Approve" ? "approve" : "deny"));
  }

  /** What the user asked for; a failure is shown to them. */
  private async tell(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { message } = failureOf(error);
      this.log.error(message);
      void vscode.window.showErrorMessage(`Oricode: ${message}`);
    }
  }
}
