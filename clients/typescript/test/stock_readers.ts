/**
 * Readers made of clients that we did not write: each asks for one run, as its own documentation says, and follows it.
 *
 * In: where the service is, and what the run is asked for. Out: `seen` for every event as the client gave it, in order.
 * A reader resolves when its client has stopped by its own rules, and resumes by the client's own means; only `ws`,
 * which has none, is told to attach again.
 */
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource } from "eventsource";
import { createEventSource } from "eventsource-client";
import WebSocket from "ws";
import { EVENT_NAMES } from "../src/generated/events.js";

/** `id` is empty for what belongs to one connection. */
export interface Seen {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

export interface Question {
  url: string;
  key: string;
  body: Record<string, unknown>;
}

export type Reader = (question: Question, seen: (event: Seen) => void) => Promise<void>;

const parsed = (id: string | undefined, event: string | undefined, data: string): Seen => ({
  id: id ?? "",
  event: event ?? "message",
  data: JSON.parse(data) as Record<string, unknown>,
});

const post = ({ key, body }: Question) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", "X-API-Key": key },
  body: JSON.stringify({ ...body, stream: true }),
});

/** npm `eventsource`, the WHATWG class: it is stopped by the 204 that answers a cursor at the end. */
const eventsource: Reader = (question, seen) =>
  new Promise((resolve, reject) => {
    const { headers, ...request } = post(question);
    const source = new EventSource(`${question.url}/api/chat`, {
      fetch: (input, init) => fetch(input, { ...init, ...request, headers: { ...init.headers, ...headers } }),
    });
    for (const name of EVENT_NAMES) {
      source.addEventListener(name, (event) => {
        if (event instanceof MessageEvent) seen(parsed(event.lastEventId, event.type, event.data as string));
      });
    }
    source.onerror = ({ code, message }) => {
      if (source.readyState !== source.CLOSED) return; // it connects again by itself
      if (code === 204) resolve();
      else reject(new Error(`${code}: ${message}`));
    };
  });

/** npm `eventsource-client`: iterates over everything, whatever its name; stopped by the 204 too. */
const eventsourceClient: Reader = async (question, seen) => {
  const source = createEventSource({ url: `${question.url}/api/chat`, ...post(question) });
  for await (const { id, event, data } of source) seen(parsed(id, event, data));
};

/** npm `@microsoft/fetch-event-source`, made for browsers: told where the end is, as it takes a mere close for one. */
const microsoftFetchEventSource: Reader = (question, seen) => {
  let over = false;
  return fetchEventSource(`${question.url}/api/chat`, {
    ...post(question),
    openWhenHidden: true,
    onmessage: ({ id, event, data }) => {
      over ||= event === "done";
      seen(parsed(id, event, data));
    },
    onclose: () => {
      if (!over) throw new Error("closed before the end");
    },
  });
};

/** npm `ws`: the `chat` command, and `attach` behind the last event after a break. */
const ws: Reader = async ({ url, key, body }, seen) => {
  let run = "";
  let after = "";
  let over = false;
  const connection = () =>
    new Promise<void>((resolve) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/api/ws`, "oricode.v1", { headers: { "X-API-Key": key } });
      const command = run ? { command: "attach", ref: "1", data: { run, after } } : { command: "chat", ref: "1", data: body };
      socket.on("open", () => socket.send(JSON.stringify(command)));
      socket.on("message", (text: Buffer) => {
        const frame = JSON.parse(text.toString()) as { id?: string; event?: string; data: Record<string, unknown> };
        if (frame.event === undefined) {
          run = String(frame.data["run_id"]);
          return;
        }
        after = frame.id ?? after;
        over ||= frame.event === "done";
        seen({ id: frame.id ?? "", event: frame.event, data: frame.data });
        if (over) socket.close();
      });
      socket.on("error", () => socket.terminate()); // "close" follows
      socket.on("close", () => resolve());
    });
  while (!over) {
    await connection();
    if (!over) await new Promise((resolve) => setTimeout(resolve, 200)); // a client's own wait before it connects again
  }
};

export const READERS: readonly { name: string; read: Reader; /** Where it may be cut. */ betweenBlocks: boolean }[] = [
  { name: "eventsource", read: eventsource, betweenBlocks: false },
  { name: "eventsource-client", read: eventsourceClient, betweenBlocks: false },
  // Takes an id over before the event's block is whole, and would ask for what is behind an event that it never gave.
  { name: "@microsoft/fetch-event-source", read: microsoftFetchEventSource, betweenBlocks: true },
  { name: "ws", read: ws, betweenBlocks: false },
];
