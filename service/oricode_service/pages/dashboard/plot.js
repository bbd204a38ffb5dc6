/** A line plot of both arms over time, as SVG nodes. Gaps stay gaps: a slice without runs draws nothing. */
import { element, svg } from "./element.js";

const WIDTH = 560;
const HEIGHT = 190;
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;
const RIGHT = 8;
const DAY = 86_400_000;
export const ARMS = /** @type {const} */ (["json", "streaming"]);

/**
 * @typedef {Record<string, any>} Summary
 * @typedef {{at: number, arms: Record<string, Summary>}} Slice
 *
 * @param {string} title
 * @param {Slice[]} slices
 * @param {(summary: Summary) => number | null} valueOf
 * @param {(value: number) => string} words how a value is written at the axis
 * @param {number} [least] the axis reaches at least this far
 * @param {(value: number) => number} [round] the next number at which an axis may end
 */
export function plot(title, slices, valueOf, words, least = 0, round = nice) {
  const values = slices.flatMap((slice) => ARMS.map((arm) => valueOf(slice.arms[arm] ?? {}))).filter(isNumber);
  const top = round(Math.max(least, ...values));
  const from = slices[0]?.at ?? 0;
  const span = Math.max(1, (slices.at(-1)?.at ?? 1) - from);
  const x = (/** @type {number} */ at) => LEFT + ((at - from) / span) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const figure = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} of both arms over time` });
  for (const value of [0, top / 2, top]) {
    figure.append(
      svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, words(value)),
    );
  }
  if (!values.length) {
    const middle = { class: "nothing", x: (LEFT + WIDTH - RIGHT) / 2, y: y(top / 2) - 8, "text-anchor": "middle" };
    figure.append(svg("text", middle, "Nothing to draw in this time."));
  }
  for (const at of ticks(from, from + span)) {
    figure.append(svg("text", { x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, label(at, span)));
  }
  for (const arm of ARMS) {
    let path = "";
    let alone = true;
    slices.forEach((slice, number) => {
      const value = valueOf(slice.arms[arm] ?? {});
      if (!isNumber(value)) return;
      const before = slices[number - 1];
      const joined = before !== undefined && isNumber(valueOf(before.arms[arm] ?? {}));
      const after = slices[number + 1];
      alone = !joined && (after === undefined || !isNumber(valueOf(after.arms[arm] ?? {})));
      if (alone) figure.append(svg("circle", { class: arm, cx: x(slice.at), cy: y(value), r: 2 }));
      path += `${joined ? "L" : "M"}${x(slice.at).toFixed(1)} ${y(value).toFixed(1)}`;
    });
    if (path) figure.append(svg("path", { class: arm, d: path }));
  }
  return element("div", { class: "plot" }, element("h3", {}, title), figure);
}

/** @param {number | null | undefined} value @returns {value is number} */
function isNumber(value) {
  return typeof value === "number";
}

/** The next round number. @param {number} value */
function nice(value) {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * (/** @type {number} */ ([1, 2, 4, 5, 10].find((step) => step * unit >= value)));
}

/** The next even count, so that the middle of the axis is a number of things too. @param {number} value */
export function niceCount(value) {
  return Math.max(2, nice(value));
}

const SPANS = [1, 2, 4, 10, 20, 40, 60, 120, 240, 600, 1200, 2400, 3600, 7200, 14400];

/** The next span of time of which the half is one that people count in. @param {number} value in seconds */
export function niceSpan(value) {
  return SPANS.find((span) => span >= value) ?? 3600 * nice(value / 3600);
}

/** Where labels go: midnights, or hours within a day or two. @param {number} from @param {number} to */
function ticks(from, to) {
  const span = to - from;
  const step = span <= 2 * DAY ? DAY / 6 : DAY * Math.max(1, Math.ceil(span / DAY / 8));
  const first = new Date(from);
  first.setHours(24, 0, 0, 0);
  let at = first.getTime();
  while (at - step > from) at -= step;
  const found = [];
  for (; at < to - span / 40; at += step) if (at > from + span / 40) found.push(at);
  return found;
}

/** @param {number} at @param {number} span */
function label(at, span) {
  const when = new Date(at);
  return span <= 2 * DAY
    ? when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : when.toLocaleDateString([], { day: "numeric", month: "short" });
}
