/** WebSocket frames: what `oricode.v1` puts into text messages, and the subprotocols that carry the key. */
import type { JsonObject } from "./generated/events.js";
import { parseObject } from "./http.js";

export const SUBPROTOCOL = "oricode.v1";

/** How a WebSocket shows who it is: by key, or by a one-use ticket that keeps the key out of a page. */
export type Credential = { key: string } | { ticket: string };

/** The second subprotocol. Headers cannot be set on a browser's WebSocket, and URLs end up in logs. */
export function credentialSubprotocol(credential: Credential): string {
  if ("ticket" in credential) return `oricode.ticket.${credential.ticket}`;
  const bytes = new TextEncoder().encode(credential.key);
  const base64 = btoa(String.fromCharCode(...bytes));
  return `oricode.key.${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

export interface Reply {
  ref: string;
  ok: boolean;
  data?: JsonObject;
  error?: JsonObject;
}

export interface EventFrame {
  id?: string;
  run?: string;
  event: string;
  data: JsonObject;
}

/** A server frame; throws a ProtocolViolation for text that is not one JSON object. */
export function parseFrame(text: string): Reply | EventFrame {
  return parseObject(text, "The WebSocket") as unknown as Reply | EventFrame;
}

export function isReply(frame: Reply | EventFrame): frame is Reply {
  return "ok" in frame;
}
