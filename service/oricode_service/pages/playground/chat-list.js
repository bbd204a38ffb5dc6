/** The chats of the key's user, the latest first; a live one has a dot. */
import { byId, element } from "./element.js";

/**
 * @typedef {import("./oricode-client.js").OricodeClient} OricodeClient
 * @typedef {{ chat_id: string, title: string, live_run?: string }} Chat
 */

export class ChatList {
  #list = byId("chats", HTMLElement);
  #more = byId("more-chats", HTMLButtonElement);
  /** @type {Chat[]} */
  #chats = [];
  /** @type {string | null} */
  #next = null;
  /** @type {string | null} */
  #current = null;

  /**
   * @param {() => OricodeClient} client
   * @param {(chat: Chat) => void} onOpen
   * @param {(chat: Chat) => void} onDelete
   */
  constructor(client, onOpen, onDelete) {
    this.client = client;
    this.onOpen = onOpen;
    this.onDelete = onDelete;
    this.#more.addEventListener("click", () => void this.#load(this.#next));
  }

  /** Asks the service again. Rejects as the client does. */
  async refresh() {
    await this.#load(null);
  }

  /** @param {string | null} chatId the chat that is shown; null for a new one */
  mark(chatId) {
    this.#current = chatId;
    this.#draw();
  }

  /** @param {string | null} before */
  async #load(before) {
    const page = await this.client().chats({ limit: 30, ...(before ? { before } : {}) });
    const found = /** @type {Chat[]} */ (page["chats"]);
    this.#chats = before ? [...this.#chats, ...found] : found;
    this.#next = typeof page["next"] === "string" ? page["next"] : null;
    this.#more.hidden = this.#next === null;
    this.#draw();
  }

  #draw() {
    const items = this.#chats.map((chat) => {
      const open = element("button", { type: "button", class: "chat", "aria-current": chat.chat_id === this.#current ? "true" : null, onclick: () => this.onOpen(chat) },
        element("span", { class: "chat-title" }, chat.title || "Untitled"),
        chat.live_run ? element("span", { class: "dot live", role: "img", "aria-label": "live" }) : null);
      const remove = element("button", { type: "button", class: "icon chat-delete", "aria-label": `Delete chat: ${chat.title || "Untitled"}`, title: "Delete", onclick: () => this.onDelete(chat) }, "✕");
      return element("li", {}, open, remove);
    });
    this.#list.replaceChildren(...(items.length ? items : [element("li", { class: "chats-none" }, "No chats yet")]));
  }
}
