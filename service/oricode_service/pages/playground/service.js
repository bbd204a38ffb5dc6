/** Makes clients for the service this page came from: one for lists and commands, one for each run that is watched. */
import { OricodeClient } from "./oricode-client.js";
import { Tap } from "./tap.js";

/** @typedef {"sse" | "websocket" | "json"} Transport */

export class Service {
  /**
   * @param {string} key
   * @param {(piece: import("./tap.js").Piece) => void} onPiece
   */
  constructor(key, onPiece) {
    this.key = key;
    this.onPiece = onPiece;
    this.rest = new OricodeClient(location.origin, key);
  }

  /**
   * A client whose connections can be cut, and are seen by the inspector unless `hidden`.
   * @param {Transport} transport
   */
  connect(transport, hidden = false) {
    const tap = new Tap(hidden ? undefined : this.onPiece);
    const client = new OricodeClient(location.origin, this.key, {
      transport,
      clientType: "playground",
      fetch: tap.fetch,
      WebSocket: tap.WebSocket,
      ticket: () => this.rest.ticket(), // a WebSocket of a page cannot send the key as a header
      patienceMs: Infinity, // a person watches
    });
    return { client, tap };
  }
}
