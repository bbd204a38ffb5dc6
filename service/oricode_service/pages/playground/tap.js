/**
 * Between the client and the network: shows every byte that comes, and can break the connection on purpose.
 *
 * It gives the client a `fetch` and a `WebSocket`. Streams that pass through are recorded as pieces (an SSE block, a
 * WebSocket frame, a chunk of a JSON answer). `cut` ends what is open and refuses what is asked for a while, as a network
 * that is gone does. Plain requests (lists, commands) are not recorded.
 */

/**
 * @typedef {object} Piece
 * @property {number} at when it came, in milliseconds of `performance.now()`
 * @property {"sse" | "websocket" | "json"} over
 * @property {string} raw the text as it came
 * @property {number} bytes
 */

const STREAM = /\/api\/(chat|runs\/[^/]+\/events)(\?|$)/;

export class Tap {
  #offlineUntil = 0;
  /** @type {Set<() => void>} */
  #open = new Set();
  /** When anything was last heard, in milliseconds of `performance.now()`; 0 = never. */
  lastHeard = 0;

  /** @param {(piece: Piece) => void} [onPiece] */
  constructor(onPiece = () => {}) {
    this.onPiece = onPiece;
  }

  /** Breaks what is open and stays unreachable for `ms` milliseconds. */
  cut(ms = 3000) {
    this.#offlineUntil = performance.now() + ms;
    for (const end of [...this.#open]) end();
  }

  get #offline() {
    return performance.now() < this.#offlineUntil;
  }

  /** @type {typeof fetch} */
  fetch = async (input, init) => {
    if (this.#offline) throw new TypeError("The connection was cut by hand.");
    const response = await fetch(input, init);
    this.lastHeard = performance.now();
    if (!response.body || !STREAM.test(String(input))) return response;
    const sse = (response.headers.get("Content-Type") ?? "").startsWith("text/event-stream");
    const body = this.#watch(response.body, sse ? new Blocks((raw) => this.#piece("sse", raw)) : { feed: (/** @type {string} */ text) => this.#piece("json", text) });
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
  };

  /**
   * The same bytes, seen on their way; broken by `cut`.
   * @param {ReadableStream<Uint8Array<ArrayBuffer>>} source
   * @param {{ feed(text: string): void }} seen
   * @returns {ReadableStream<Uint8Array<ArrayBuffer>>}
   */
  #watch(source, seen) {
    const reader = source.getReader();
    const decoder = new TextDecoder();
    let end = () => {};
    return new ReadableStream({
      start: (controller) => {
        end = () => {
          this.#open.delete(end);
          controller.error(new TypeError("The connection was cut by hand."));
          reader.cancel().catch(() => {});
        };
        this.#open.add(end);
      },
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (!this.#open.has(end)) return;
          if (done) {
            this.#open.delete(end);
            controller.close();
            return;
          }
          this.lastHeard = performance.now();
          seen.feed(decoder.decode(value, { stream: true }));
          controller.enqueue(value);
        } catch (error) {
          if (this.#open.delete(end)) controller.error(error);
        }
      },
      cancel: (reason) => {
        this.#open.delete(end);
        return reader.cancel(reason);
      },
    });
  }

  /** A WebSocket class for the client. */
  get WebSocket() {
    const tap = this;
    return class extends WebSocket {
      /**
       * @param {string} url
       * @param {string[]} protocols
       */
      constructor(url, protocols) {
        super(url, protocols);
        const end = () => this.close();
        tap.#open.add(end);
        this.addEventListener("close", () => tap.#open.delete(end));
        this.addEventListener("message", (event) => {
          tap.lastHeard = performance.now();
          tap.#piece("websocket", String(event.data));
        });
        if (tap.#offline) end();
      }
    };
  }

  /**
   * @param {Piece["over"]} over
   * @param {string} raw
   */
  #piece(over, raw) {
    this.onPiece({ at: performance.now(), over, raw, bytes: new TextEncoder().encode(raw).length });
  }
}

/** Cuts an SSE stream into its blocks, for showing only: what they mean is the client's business. */
class Blocks {
  #rest = "";

  /** @param {(block: string) => void} onBlock */
  constructor(onBlock) {
    this.onBlock = onBlock;
  }

  /** @param {string} text */
  feed(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) this.onBlock(`${block}\n\n`);
  }
}
