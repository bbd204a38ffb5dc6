/**
 * The key: handed over in the address's fragment (and removed from it at once), or typed; kept for this tab only.
 *
 * A fragment is never sent to a server, but it stays in the history and can be read over a shoulder: so it goes first.
 */
import { byId, setText } from "./element.js";

const NAME = "oricode.key";

/** Moves `#key=…` from the address into this tab's storage; the key, or null when there is none. */
export function takeKey() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const handed = fragment.get("key");
  if (handed !== null) {
    fragment.delete("key");
    const rest = fragment.size ? `#${fragment}` : "";
    history.replaceState(null, "", location.pathname + location.search + rest);
    if (handed) sessionStorage.setItem(NAME, handed);
  }
  return sessionStorage.getItem(NAME);
}

/**
 * Asks for a key until one is given.
 * @param {string} trouble why the present one does not do; empty when there was none
 * @returns {Promise<string>}
 */
export function askForKey(trouble = "") {
  const dialog = byId("key-dialog", HTMLDialogElement);
  const form = byId("key-form", HTMLFormElement);
  const input = byId("key-input", HTMLInputElement);
  setText(byId("key-trouble", HTMLElement), trouble);
  input.value = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      const key = input.value.trim();
      if (!key) return;
      input.value = "";
      sessionStorage.setItem(NAME, key);
      dialog.close();
      resolve(key);
    };
  });
}
