import { describe, expect, test } from "vitest";
import { contentSecurityPolicy, obstacle, pageHtml, socketOrigins } from "../../src/host/policy.js";

test.each([
  ["http://127.0.0.1:8000", ["ws://127.0.0.1:8000", "ws://localhost:8000"]],
  ["http://localhost:8000/oricode", ["ws://127.0.0.1:8000", "ws://localhost:8000"]],
  ["https://oricode.example.com", ["wss://oricode.example.com"]],
  ["http://127.0.0.1:8898/proxy/9191", ["ws://127.0.0.1:8898", "ws://localhost:8898"]],
])("the page may connect to %s, under both names of loopback and nowhere else", (url, origins) => {
  expect(socketOrigins(url)).toEqual(origins);
  expect(contentSecurityPolicy("vscode:", "n", url)).toContain(`connect-src ${origins.join(" ")};`);
});

test("a page that is relayed to connects nowhere", () => {
  expect(contentSecurityPolicy("vscode:", "n", null)).toContain("connect-src 'none'");
});

test("the policy starts from nothing and allows no inline script or style", () => {
  const policy = contentSecurityPolicy("vscode:", "abc", null);
  expect(policy).toMatch(/^default-src 'none'; /);
  expect(policy).toContain("script-src 'nonce-abc'");
  expect(policy).not.toContain("unsafe");
  expect(policy).not.toContain("img-src");
});

describe("plain http", () => {
  test.each(["http://127.0.0.1:8000", "http://localhost", "http://127.1.2.3", "http://[::1]:8000", "https://oricode.example.com"])("is fine at %s", (url) => {
    expect(obstacle(url, { secure: true })).toBeNull();
  });

  test("is an obstacle elsewhere, as the editor's pages are secure ones", () => {
    expect(obstacle("http://sap-tools.example.com:8000", { secure: true })).toContain("https");
  });
});

test("addresses cannot break out of the page's attributes", () => {
  const html = pageHtml({ csp: `"><script>`, nonce: "n", script: `a"b`, style: "s", title: "<t>" });
  expect(html).not.toContain(`"><script>`);
  expect(html).toContain("a&quot;b");
});
