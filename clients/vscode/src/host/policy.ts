/** What the chat page may load and connect to: its content security policy, built from the service's address. Pure. */

/** The WebSocket origins of a service's address. A loopback host has two names, and policies compare names as text. */
export function socketOrigins(url: string): string[] {
  const { protocol, hostname, port } = new URL(url);
  const scheme = protocol === "https:" ? "wss:" : "ws:";
  const names = hostname === "127.0.0.1" || hostname === "localhost" ? ["127.0.0.1", "localhost"] : [hostname];
  return names.map((name) => `${scheme}//${name}${port ? `:${port}` : ""}`);
}

/** `direct` null: the page connects nowhere. `source` is the webview's own, `nonce` that of its script. */
export function contentSecurityPolicy(source: string, nonce: string, direct: string | null): string {
  return [
    "default-src 'none'",
    `style-src ${source}`,
    `font-src ${source}`,
    `script-src 'nonce-${nonce}'`,
    `connect-src ${direct ? socketOrigins(direct).join(" ") : "'none'"}`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
}

/** Why a page in this place cannot open a WebSocket to `url`; null when it can. */
export function obstacle(url: string, place: { secure: boolean }): string | null {
  const { protocol, hostname } = new URL(url);
  const loopback = hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
  if (place.secure && protocol === "http:" && !loopback) return "the editor's pages may connect to https addresses only";
  return null;
}

export interface PageParts {
  csp: string;
  nonce: string;
  script: string;
  style: string;
  title: string;
}

/** The page's HTML. Everything in it is ours; what the model says arrives later, as messages. */
export function pageHtml({ csp, nonce, script, style, title }: PageParts): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(csp)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${escape(style)}">
<title>${escape(title)}</title>
</head>
<body>
<main id="chat"></main>
<script nonce="${nonce}" src="${escape(script)}"></script>
</body>
</html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character]!);
}
