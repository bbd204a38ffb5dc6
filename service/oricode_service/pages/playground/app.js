/** The playground: puts the parts of the page together. */
import { ChatList } from "./chat-list.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { byId, setText } from "./element.js";
import { Inspector } from "./inspector.js";
import { askForKey, takeKey } from "./key.js";
import { Meter } from "./meter.js";
import { StickyScroll } from "./scroll.js";
import { SecondViewer } from "./second-viewer.js";
import { Service } from "./service.js";

/** @typedef {import("./oricode-client.js").RunView} RunView */

const CHAT = "oricode.chat";
const handed = takeKey();

/** Everything behind a key; made anew when the key changes, by loading the page again. */
async function start() {
  const inspector = new Inspector();
  const service = await signIn(handed, (piece) => inspector.add(piece));
  const log = byId("log", HTMLElement);
  const empty = byId("empty", HTMLElement);
  const title = byId("title", HTMLElement);
  const cut = byId("cut", HTMLButtonElement);
  const second = byId("second", HTMLButtonElement);
  const meter = new Meter();
  const scroll = new StickyScroll(byId("scroller", HTMLElement), byId("to-end", HTMLButtonElement));
  const viewer = new SecondViewer(service);
  const announce = announcer();

  const drawn = (/** @type {RunView} */ view) => {
    empty.hidden = true;
    meter.update(view);
    composer.busy = view.busy;
    cut.disabled = !view.busy;
    second.disabled = !view.run.run_id;
    announce(view);
    scroll.follow();
    if (view.run.chat_id && view.run.chat_id !== sessionStorage.getItem(CHAT)) {
      sessionStorage.setItem(CHAT, view.run.chat_id);
      void listed(view.run.chat_id);
    } else if (!view.busy) void listed(view.run.chat_id ?? null);
  };
  const conversation = new Conversation(log, service, {
    follows: (tap, transport) => meter.follow(tap, transport),
    drawn,
    refused: (error) => void changeKey(refusalOf(error)),
    marked: (words, trouble) => inspector.mark(words, trouble),
    grew: () => scroll.jump(),
  });
  const composer = new Composer(
    (asked) => {
      if (!conversation.chatId) setText(title, asked.prompt.split("\n", 1)[0]?.slice(0, 80) ?? "");
      conversation.ask(asked);
      scroll.jump();
    },
    () => {
      composer.stopping();
      void conversation.stop().then((complaint) => complaint && complain(complaint));
    },
  );
  const list = new ChatList(
    () => service.rest,
    (chat) => void open(chat.chat_id, chat.title),
    async (chat) => {
      if (!confirm(`Delete “${chat.title || "Untitled"}”?`)) return;
      await service.rest.deleteChat(chat.chat_id).catch(complain);
      if (chat.chat_id === conversation.chatId) fresh();
      await listed(conversation.chatId);
    },
  );

  /** @param {string | null} chatId */
  async function listed(chatId) {
    await list.refresh().catch(complain);
    list.mark(chatId);
  }

  /**
   * @param {string} chatId
   * @param {string} name
   */
  async function open(chatId, name) {
    sessionStorage.setItem(CHAT, chatId);
    setText(title, name || "Untitled");
    list.mark(chatId);
    empty.hidden = true;
    rest();
    closePanels();
    await conversation.open(chatId, composer.transport).catch(complain);
  }

  function fresh() {
    sessionStorage.removeItem(CHAT);
    conversation.clear();
    setText(title, "New chat");
    empty.hidden = false;
    list.mark(null);
    rest();
    closePanels();
    composer.focus();
  }

  function rest() {
    meter.rest();
    composer.busy = false;
    cut.disabled = true;
    second.disabled = true;
    toggle("viewer", null, false);
    viewer.close();
  }

  byId("new-chat", HTMLElement).addEventListener("click", fresh);
  byId("change-key", HTMLElement).addEventListener("click", () => void changeKey(""));
  cut.addEventListener("click", () => conversation.cut());
  second.addEventListener("click", () => {
    const runId = conversation.run?.runId;
    if (!runId) return;
    toggle("viewer", null, true);
    viewer.open(runId, conversation.transport === "sse" ? "websocket" : "sse");
  });
  byId("viewer-close", HTMLElement).addEventListener("click", () => {
    toggle("viewer", null, false);
    viewer.close();
    second.focus();
  });
  const wireButton = byId("toggle-wire", HTMLButtonElement);
  const showWire = (/** @type {boolean} */ open) => {
    toggle("wire", wireButton, open);
    if (open) inspector.opened();
  };
  wireButton.addEventListener("click", () => showWire(Boolean(byId("wire", HTMLElement).hidden)));
  byId("wire-close", HTMLElement).addEventListener("click", () => {
    showWire(false);
    wireButton.focus();
  });
  for (const idea of document.querySelectorAll("button.idea")) {
    idea.addEventListener("click", () => composer.play(idea.getAttribute("data-prompt") ?? "", idea.getAttribute("data-model") ?? undefined));
  }

  const { models, default: chosen } = await service.rest.models();
  const names = /** @type {string[]} */ (models).filter((name) => !name.includes("*"));
  composer.offer(names.length ? names : [String(chosen)], String(chosen));
  await listed(null);
  const before = sessionStorage.getItem(CHAT);
  if (before) await reopen(before);
  composer.focus();

  /** Takes up the chat that this tab had open before it was loaded again. @param {string} chatId */
  async function reopen(chatId) {
    try {
      const chat = await service.rest.messages(chatId, { limit: 1 });
      await open(chatId, String(chat["title"] ?? ""));
    } catch {
      fresh(); // deleted meanwhile, or another user's: begin anew
    }
  }
}

/**
 * A service whose key works; asks for one as often as it takes.
 * @param {string | null} key
 * @param {(piece: import("./tap.js").Piece) => void} onPiece
 */
async function signIn(key, onPiece) {
  let trouble = "";
  for (;;) {
    const service = new Service(key ?? (await askForKey(trouble)), onPiece);
    try {
      await service.rest.models();
      return service;
    } catch (error) {
      trouble = refusalOf(error);
      key = null;
    }
  }
}

/**
 * Why a key did not do, for a person rather than for a program.
 * @param {unknown} error
 */
function refusalOf(error) {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "unauthorized") return "This key does not work here.";
  if (code === "key_revoked") return "This key was revoked.";
  return error instanceof Error ? error.message : String(error);
}

/** @param {string} trouble */
async function changeKey(trouble) {
  await askForKey(trouble);
  sessionStorage.removeItem(CHAT);
  location.reload();
}

/** Says what changes to those who do not see it; the same thing only once. */
function announcer() {
  let last = "";
  return (/** @type {RunView} */ view) => {
    const words = view.link === "reconnecting" && view.busy ? "Reconnecting" : view.label;
    if (words === last) return;
    last = words;
    say(words);
  };
}

/** @param {string} words */
function say(words) {
  setText(byId("announcer", HTMLElement), words);
}

let noticeTimer = 0;

/** Shows what went wrong outside of a turn. @param {unknown} error */
function complain(error) {
  const notice = byId("notice", HTMLElement);
  setText(notice, error instanceof Error ? error.message : String(error));
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.hidden = true), 8000);
}

/**
 * @param {string} id
 * @param {HTMLElement | null} button what opens it
 * @param {boolean} open
 */
function toggle(id, button, open) {
  byId(id, HTMLElement).hidden = !open;
  document.body.classList.toggle(`has-${id}`, open);
  button?.setAttribute("aria-expanded", String(open));
}

function closePanels() {
  document.body.classList.remove("has-sidebar");
  byId("toggle-sidebar", HTMLElement).setAttribute("aria-expanded", "false");
}

byId("toggle-sidebar", HTMLElement).addEventListener("click", () => {
  const open = document.body.classList.toggle("has-sidebar");
  byId("toggle-sidebar", HTMLElement).setAttribute("aria-expanded", String(open));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePanels();
});

await start();
