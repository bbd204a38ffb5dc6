/** The user's settings, read when they are needed, and the key, which lives in the editor's secret store. */
import * as vscode from "vscode";

export type TransportSetting = "auto" | "websocket" | "relay";

export interface Settings {
  /** Address of the service, without a slash at the end. */
  url: string;
  /** Empty: the service's default. */
  model: string;
  transport: TransportSetting;
}

export const DEFAULT_URL = "http://127.0.0.1:8000";

export function readSettings(): Settings {
  const section = vscode.workspace.getConfiguration("oricode");
  const url = section.get<string>("url", DEFAULT_URL).trim().replace(/\/+$/, "");
  return {
    url: isAddress(url) ? url : DEFAULT_URL,
    model: section.get<string>("model", "").trim(),
    transport: section.get<TransportSetting>("transport", "auto"),
  };
}

/** What is wrong with the setting, for a person; null when nothing is. */
export function badAddress(): string | null {
  const url = vscode.workspace.getConfiguration("oricode").get<string>("url", DEFAULT_URL).trim();
  return isAddress(url) ? null : `The setting oricode.url is not an address: "${url}". ${DEFAULT_URL} is used.`;
}

function isAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Keys, one for each address: a workspace that changes the address cannot have the key sent there. */
export class Keys {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  get(url: string): Thenable<string | undefined> {
    return this.secrets.get(this.name(url));
  }

  set(url: string, key: string): Thenable<void> {
    return this.secrets.store(this.name(url), key);
  }

  forget(url: string): Thenable<void> {
    return this.secrets.delete(this.name(url));
  }

  private name(url: string): string {
    return `oricode.key ${url}`;
  }
}
