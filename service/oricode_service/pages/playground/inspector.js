/** The wire inspector: every piece that came, with its event, its id, its size, its age, and its raw text. */
import { byId, element, setText, span } from "./element.js";

/** @typedef {import("./tap.js").Piece} Piece */

const MOST_ROWS = 400;
const OVER = { sse: "SSE", websocket: "WS", json: "JSON" };

export class Inspector {
  #panel = byId("wire", HTMLElement);
  #rows = byId("wire-rows", HTMLElement);
  #sums = byId("wire-sums", HTMLElement);
  /** Pieces, and remarks on the connection, that are not drawn yet. @type {(Piece | { at: number, words: string, trouble: boolean })[]} */
  #waiting = [];
  /** One for each row. @type {{ at: number, node: HTMLElement }[]} */
  #ages = [];
  #pieces = 0;
  #bytes = 0;
  #drawing = false;

  constructor() {
    byId("wire-clear", HTMLElement).addEventListener("click", () => this.#clear());
    setInterval(() => this.#refreshAges(), 1000);
  }

  /** @param {Piece} piece */
  add(piece) {
    this.#pieces++;
    this.#bytes += piece.bytes;
    this.#later(piece);
  }

  /**
   * Something that happened to the connection.
   * @param {string} words
   * @param {boolean} trouble
   */
  mark(words, trouble) {
    this.#later({ at: performance.now(), words, trouble });
  }

  /** @param {Piece | { at: number, words: string, trouble: boolean }} item */
  #later(item) {
    this.#waiting.push(item);
    if (this.#waiting.length > MOST_ROWS) this.#waiting.shift();
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  /** Shows what came while the panel was closed. */
  opened() {
    this.#draw();
  }

  #draw() {
    this.#drawing = false;
    setText(this.#sums, `${this.#pieces.toLocaleString("en")} ${this.#pieces === 1 ? "piece" : "pieces"} · ${size(this.#bytes)}`);
    if (this.#panel.hidden) return;
    const atEnd = this.#rows.scrollHeight - this.#rows.scrollTop - this.#rows.clientHeight < 60;
    for (const item of this.#waiting.splice(0)) this.#rows.append("words" in item ? this.#remark(item) : this.#row(item));
    while (this.#rows.childElementCount > MOST_ROWS) {
      this.#rows.firstElementChild?.remove();
      this.#ages.shift();
    }
    this.#refreshAges();
    if (atEnd) this.#rows.scrollTop = this.#rows.scrollHeight;
  }

  /** @param {Piece} piece */
  #row(piece) {
    const { event, id } = describe(piece);
    const age = element("span", { class: "wire-age" });
    this.#ages.push({ at: piece.at, node: age });
    const place = element("span", { class: "wire-id", title: id || "no id: it belongs to the connection" }, id ? shortId(id) : "–");
    const summary = element("summary", {}, element("span", { class: "wire-event" }, event), place, element("span", { class: "wire-size" }, size(piece.bytes)), age);
    const row = element("details", { "data-event": event }, summary);
    // The raw text is only laid out when somebody looks.
    row.addEventListener("toggle", () => {
      if (row.open && row.childElementCount === 1) row.append(element("pre", { tabindex: "0", "aria-label": `Raw, over ${OVER[piece.over]}` }, visible(piece.raw)));
    });
    return element("li", {}, row);
  }

  /** @param {{ at: number, words: string, trouble: boolean }} remark */
  #remark({ at, words, trouble }) {
    const age = element("span", { class: "wire-age" });
    this.#ages.push({ at, node: age });
    return element("li", { class: trouble ? "wire-mark trouble-mark" : "wire-mark" }, element("span", {}, words), age);
  }

  #refreshAges() {
    if (this.#panel.hidden) return;
    const now = performance.now();
    for (const { at, node } of this.#ages) setText(node, span(Math.floor((now - at) / 1000) * 1000).replace(".0", ""));
  }

  #clear() {
    this.#waiting = [];
    this.#ages = [];
    this.#pieces = this.#bytes = 0;
    this.#rows.replaceChildren();
    setText(this.#sums, "");
  }
}

/**
 * The event and id of a piece, as far as they can be read without understanding it.
 * @param {Piece} piece
 */
function describe(piece) {
  if (piece.over === "json") return { event: piece.raw.trim() ? "document" : "white space", id: "" };
  if (piece.over === "sse") return { event: /^event: (.*)$/m.exec(piece.raw)?.[1] ?? "block", id: /^id: (.*)$/m.exec(piece.raw)?.[1] ?? "" };
  try {
    const frame = JSON.parse(piece.raw);
    return { event: String(frame.event ?? (frame.ok === false ? "refusal" : "reply")), id: String(frame.id ?? "") };
  } catch {
    return { event: "frame", id: "" };
  }
}

/**
 * The part of an id that changes; an id is opaque to clients, but people like to see it count.
 * @param {string} id
 */
function shortId(id) {
  return id.split(".").slice(-2).join(".");
}

/**
 * Line ends made visible.
 * @param {string} raw
 */
function visible(raw) {
  return raw.replaceAll("\n", "⏎\n").replace(/^ +$/, (spaces) => "␠".repeat(spaces.length));
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1000 ? `${bytes} B` : bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
