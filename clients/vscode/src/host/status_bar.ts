/** The item in the status bar: what the assistant is doing, how far it is, and whether the connection is there. */
import * as vscode from "vscode";
import { statusOf } from "./status.js";
import type { Exchange } from "../shared/messages.js";

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("oricode.status", vscode.StatusBarAlignment.Left, 50);

  constructor() {
    this.item.name = "Oricode";
    this.item.command = "oricode.chat.focus";
    this.show(null);
    this.item.show();
  }

  show(exchange: Exchange | null): void {
    const { text, tooltip, warning } = statusOf(exchange);
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: tooltip };
    this.item.backgroundColor = warning ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
  }

  dispose(): void {
    this.item.dispose();
  }
}
