/** The dashboard: asks the service every few seconds and draws what it says. */
import { byId, compact, element, percent, seconds } from "./element.js";
import { ARMS, niceCount, niceSpan, plot } from "./plot.js";

const NAME = "oricode.admin-key";
const EVERY_MS = 5000;
const NAMES = { streaming: "Streaming", json: "JSON" };
const state = byId("state", HTMLElement);
const days = byId("days", HTMLSelectElement);
/** @type {number | undefined} */
let timer;

/** @param {string} id @param {...Node} nodes */
function fill(id, ...nodes) {
  byId(id, HTMLElement).replaceChildren(...nodes);
}

/** A key handed over in the address goes into this tab's storage and out of the address. */
function takeKey() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const handed = fragment.get("key");
  if (handed !== null) {
    history.replaceState(null, "", location.pathname);
    sessionStorage.setItem(NAME, handed);
  }
  return sessionStorage.getItem(NAME);
}

/** @param {string} trouble */
function askForKey(trouble) {
  const dialog = byId("key-dialog", HTMLDialogElement);
  const input = byId("key-input", HTMLInputElement);
  byId("key-trouble", HTMLElement).textContent = trouble;
  input.value = "";
  if (!dialog.open) dialog.showModal();
  byId("key-form", HTMLFormElement).onsubmit = () => {
    sessionStorage.setItem(NAME, input.value.trim());
    void refresh();
  };
}

async function refresh() {
  clearTimeout(timer);
  const key = takeKey();
  if (!key) {
    askForKey("");
    return;
  }
  try {
    const answer = await fetch(`/api/admin/overview?days=${days.value}`, { headers: { "X-API-Key": key } });
    const body = await answer.json();
    if (answer.status === 401 || answer.status === 403) {
      sessionStorage.removeItem(NAME);
      askForKey(body.detail.replaceAll("`", ""));
      return;
    }
    if (!answer.ok) throw new Error(body.detail);
    draw(body);
    say(`Up to date, ${new Date(body.now).toLocaleTimeString()}`, false);
  } catch (trouble) {
    say(`The service does not answer: ${trouble instanceof Error ? trouble.message : trouble}`, true);
  }
  timer = setTimeout(refresh, EVERY_MS);
}

/** @param {string} words @param {boolean} trouble */
function say(words, trouble) {
  if (state.textContent !== words) state.textContent = words;
  state.classList.toggle("trouble", trouble);
}

/** @param {Record<string, any>} data */
function draw(data) {
  byId("board", HTMLElement).hidden = false;
  fill(
    "tiles",
    tile("Timeout rate", data.arms, (arm) => percent(arm.timeout_rate)),
    tile("Duration, p50 · p95", data.arms, (arm) => (arm.runs ? `${compact(arm.seconds_p50)} · ${compact(arm.seconds_p95)}` : "–")),
    tile("Satisfaction", data.arms, (arm) => (arm.rated ? `${percent(arm.satisfaction)} of ${arm.rated}` : "–")),
    tile("Runs ended", data.arms, (arm) => arm.runs.toLocaleString()),
  );
  const coarse = merged(data.series, 3);
  fill(
    "plots",
    plot("Timeout rate", coarse, (arm) => arm.timeout_rate ?? null, percent, 0.05),
    plot("Duration, 95th percentile", coarse, (arm) => arm.seconds_p95 ?? null, compact, 1, niceSpan),
    plot("Satisfaction", merged(data.series, 12), (arm) => arm.satisfaction ?? null, percent, 1),
    plot("Runs", coarse, (arm) => arm.runs || null, (value) => String(Math.round(value)), 0, niceCount),
  );
  drawLive(data);
  const now = data.connections;
  fill("connections", table([], [
    ["Streams open", now.streams_open],
    ["Connections over HTTP", now.connections_http],
    ["Connections over WebSocket", now.connections_websocket],
    ["Runs that nobody watches", now.runs_unwatched],
    ["Database", now.store_unavailable ? "not reachable" : "takes writes"],
    ["Service started", new Date(data.started_at).toLocaleString()],
    .../** @type {[string, number][]} */ (Object.entries(data.cuts)).map(([why, count]) => [`Connections cut: ${words(why)}`, count]),
  ]));
  fill("errors", data.errors.length
    ? table(["Failed runs by code", "Runs"], data.errors.map((/** @type {any} */ found) => [words(found.code), found.count]))
    : element("p", { class: "nothing" }, "No run failed in this time."));
}

/** @param {Record<string, any>} data */
function drawLive(data) {
  byId("live-count", HTMLElement).textContent = data.live_total ? `${data.live_total} in all` : "";
  fill("live", data.live.length
    ? table(
        ["User", "Client", "Over", "Doing", "For", "Quiet since", "Viewers"],
        data.live.map((/** @type {any} */ run) => [
          run.user, run.client_type, run.transport, words(run.doing),
          seconds(run.for_ms / 1000), run.quiet_ms === null ? "–" : seconds(run.quiet_ms / 1000), run.viewers ?? "–",
        ]),
      )
    : element("p", { class: "nothing" }, "No run is live."));
}

/** @param {string} code */
function words(code) {
  return code.replaceAll("_", " ");
}

/** @param {string} title @param {Record<string, any>} arms @param {(arm: any) => string} valueOf */
function tile(title, arms, valueOf) {
  const list = element("dl");
  for (const arm of [...ARMS].reverse()) {
    list.append(element("dt", {}, NAMES[arm]), element("dd", { class: arm }, valueOf(arms[arm])));
  }
  return element("div", { class: "tile" }, element("h3", {}, title), list);
}

/** @param {string[]} heads @param {(string | number)[][]} rows */
function table(heads, rows) {
  const body = element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => (
    element("td", typeof cell === "number" ? { class: "number" } : {}, String(cell ?? "–")))))));
  if (!heads.length) return element("table", { class: "facts" }, body);
  const numbers = rows[0]?.map((cell) => typeof cell === "number") ?? [];
  const head = element("tr", {}, ...heads.map((name, at) => element("th", { scope: "col", class: numbers[at] ? "number" : "" }, name)));
  return element("table", {}, element("thead", {}, head), body);
}

/**
 * Every `size` slices as one, so that a line shows a trend and not its noise. Rates are weighted by their counts; of the
 * 95th percentiles the largest stands, which is the cautious reading.
 * @param {import("./plot.js").Slice[]} series @param {number} size
 */
function merged(series, size) {
  const made = [];
  for (let at = 0; at < series.length; at += size) {
    const part = series.slice(at, at + size);
    /** @type {Record<string, any>} */
    const arms = {};
    for (const arm of ARMS) {
      const all = part.map((slice) => slice.arms[arm]).filter((found) => found !== undefined);
      const sum = (/** @type {(found: any) => number} */ of) => all.reduce((total, found) => total + of(found), 0);
      const runs = sum((found) => found.runs);
      const rated = sum((found) => found.rated);
      const slowest = all.map((found) => found.seconds_p95).filter((value) => value !== null);
      arms[arm] = {
        runs,
        timeout_rate: runs ? sum((found) => found.timeouts) / runs : null,
        seconds_p95: slowest.length ? Math.max(...slowest) : null,
        satisfaction: rated ? sum((found) => (found.satisfaction ?? 0) * found.rated) / rated : null,
      };
    }
    const middle = part[Math.floor(part.length / 2)];
    if (middle) made.push({ at: middle.at, arms });
  }
  return made;
}

days.addEventListener("change", () => void refresh());
addEventListener("hashchange", () => void refresh());
byId("change-key", HTMLButtonElement).addEventListener("click", () => askForKey(""));
void refresh();
