/** What the status bar says about an exchange. Pure. */
import type { Exchange } from "../shared/messages.js";

export interface Status {
  text: string;
  tooltip: string;
  /** To be shown in the colours of a warning. */
  warning: boolean;
}

const MAX_LABEL = 60;

/** `exchange` null: nothing was asked yet. */
export function statusOf(exchange: Exchange | null): Status {
  if (!exchange) return { text: "$(comment-discussion) Oricode", tooltip: "Oricode: open the chat", warning: false };
  const { view, failure } = exchange;
  if (failure) return status("error", failure.message, true);
  if (view.link === "reconnecting") return status("debug-disconnect", view.label, true, view.trouble);
  if (view.busy && view.run.approvals.length) return status("question", view.label, true);
  if (view.busy) return status("loading~spin", view.percent === null ? view.label : `${view.label} ${Math.floor(view.percent)}%`, false);
  if (view.run.status === "failed") return status("error", view.label, true);
  return status("comment-discussion", view.label, false);
}

function status(icon: string, label: string, warning: boolean, more = ""): Status {
  // What stands behind `$(` would be drawn as an icon; labels come from tools.
  const plain = label.replace(/\$\(/g, "$ (").replace(/\s+/g, " ");
  const short = plain.length > MAX_LABEL ? `${plain.slice(0, MAX_LABEL - 1)}…` : plain;
  return { text: `$(${icon}) ${short}`, tooltip: `Oricode: ${plain}${more ? `\n${more}` : ""}`, warning };
}
