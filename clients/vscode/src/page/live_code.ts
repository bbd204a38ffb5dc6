/** The code inside a tool call's input, also while the input is still incomplete JSON. Pure. */
import type { ToolCallState } from "@oricode/client";

const FIELDS = ["code", "source", "new_text", "content"];

/** Empty `code` when the input holds none. */
export function liveCode({ input, partial_json, name }: Pick<ToolCallState, "input" | "partial_json" | "name">): { code: string; language: string } {
  const language = name === "apply_edit" ? languageOf(input?.["path"]) : "abap";
  const field = FIELDS.find((one) => typeof input?.[one] === "string");
  if (field) return { code: String(input![field]), language };
  return { code: partial_json ? partialString(partial_json) : "", language };
}

/** The value of the first code field in `json`, as far as it is there. */
function partialString(json: string): string {
  const opening = new RegExp(`"(?:${FIELDS.join("|")})"\\s*:\\s*"`).exec(json);
  if (!opening) return "";
  const rest = json.slice(opening.index + opening[0].length);
  const value = /^(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/.exec(rest)![0];
  return JSON.parse(`"${value.replace(/[\u0000-\u001f]/g, "")}"`) as string;
}

function languageOf(path: unknown): string {
  return typeof path === "string" ? (path.split(".").at(-1) ?? "") : "";
}
