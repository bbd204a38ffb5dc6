/**
 * Follows live runs by WebSocket from this page, or finds out that it cannot.
 *
 * In: which runs are live, where to connect. Out: events for the exchanges, or one call of `blocked` with the reason. A
 * page is not told why a WebSocket fails, so the reasons are gathered: a violated security policy, or two connections that
 * never opened although the host got its ticket from the very same service.
 */
import { OricodeClient, type ChatRun, type OricodeEvent } from "@oricode/client";

/** A blocked WebSocket may stay silent for ever, so opening one has a short time. */
const CONNECT_MS = 5_000;
const FAILURES = 2;

export interface FollowerEvents {
  event(exchange: string, event: OricodeEvent): void;
  /** This page cannot connect; nothing more will come from here. */
  blocked(reason: string): void;
  ticket(): Promise<string>;
}

export class Follower {
  private readonly client: OricodeClient;
  private readonly runs = new Map<string, ChatRun>();
  private everOpened = false;
  private tickets = 0;
  private failures = 0;
  private over = false;
  private readonly violated = (violation: SecurityPolicyViolationEvent) => {
    if (violation.effectiveDirective === "connect-src") this.block(`the page's security policy forbids ${violation.blockedURI}`);
  };

  constructor(
    url: string,
    private readonly fallback: boolean,
    private readonly events: FollowerEvents,
  ) {
    const ticket = async () => {
      const fresh = await events.ticket();
      this.tickets += 1;
      return fresh;
    };
    const options = { transport: "websocket", ticket, connectTimeoutMs: CONNECT_MS, patienceMs: Infinity } as const;
    this.client = new OricodeClient(url, "", options);
    document.addEventListener("securitypolicyviolation", this.violated);
  }

  follows(exchange: string): boolean {
    return this.runs.has(exchange);
  }

  follow(exchange: string, runId: string): void {
    if (this.over || this.runs.has(exchange)) return;
    const run = this.client.attach(runId, { from: "snapshot" });
    this.runs.set(exchange, run);
    run.on("*", (_data, event) => this.see(exchange, event));
    run.ended().then(
      () => this.runs.delete(exchange),
      (error: unknown) => {
        if (this.runs.get(exchange) !== run) return; // it was closed from here
        this.runs.delete(exchange);
        this.block(`the WebSocket was refused (${error instanceof Error ? error.message : String(error)})`);
      },
    );
  }

  /** The host has seen the end of the run. */
  drop(exchange: string): void {
    this.runs.get(exchange)?.close();
    this.runs.delete(exchange);
  }

  close(): void {
    this.over = true;
    document.removeEventListener("securitypolicyviolation", this.violated);
    for (const run of this.runs.values()) run.close();
    this.runs.clear();
  }

  private see(exchange: string, event: OricodeEvent): void {
    if (this.over) return;
    if (event.event === "connected") this.everOpened = true;
    if (event.event === "reconnecting" && !this.everOpened && this.tickets > this.failures) {
      this.failures = this.tickets;
      if (this.failures >= FAILURES) return this.block("no WebSocket could be opened");
    }
    this.events.event(exchange, event);
  }

  private block(reason: string): void {
    if (!this.fallback || this.over) return;
    this.close();
    this.events.blocked(reason);
  }
}
