/** The chat in the editor's kinds of themes: pictures to look at, and axe-core's judgement of each. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { EDITING } from "./scripts.js";
import { PATIENCE, Window } from "./window.js";

const SOURCE = "REPORT zdemo.\nWRITE / 'Hello'.\n";
const THEMES = [
  { name: "Default Light Modern", kind: "light" },
  { name: "Default Dark Modern", kind: "dark" },
  { name: "Default High Contrast", kind: "high-contrast" },
  { name: "Default High Contrast Light", kind: "high-contrast-light" },
];

let service: RealService;
let server: CodeServer;
let window: Window;

beforeAll(async () => {
  service = await RealService.start(EDITING);
  server = await CodeServer.start({ "oricode.url": service.url }, { "zdemo.abap": SOURCE });
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});
beforeEach(async () => {
  window = await Window.open();
  await window.load(server.urlWith("zdemo.abap"));
  await window.openChat();
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await window.shot(`failed ${task.name.slice(0, 40)}`);
  await window?.close();
});

test("every kind of theme can be read and worked with, by axe-core's rules", { timeout: 300_000 }, async () => {
  /** Tells what is wrong in which theme. */
  const inAllThemes = async (state: string) => {
    const found: string[] = [];
    for (const { name, kind } of THEMES) {
      server.configure({ "oricode.url": service.url, "workbench.colorTheme": name });
      await window.chat.locator(`body[data-vscode-theme-kind="vscode-${kind}"]`).waitFor();
      await window.shot(`${state} ${kind}`);
      found.push(...(await window.barriers()).map((barrier) => `${state}, ${name}: ${barrier}`));
    }
    return found;
  };
  const found = await inAllThemes("signed out");
  await window.signIn(service.key);
  found.push(...(await inAllThemes("empty")));
  await window.ask("Make it friendlier.");
  const card = window.chat.locator(".composer .card", { hasText: "Apply the proposed change to zdemo.abap?" });
  await card.waitFor();
  found.push(...(await inAllThemes("change proposed")));
  await card.locator("button", { hasText: "Discard" }).click();
  await window.chat.locator(".rating").waitFor();
  found.push(...(await inAllThemes("answered")));
  expect(found).toEqual([]);
  expect(window.refused).toEqual([]);
  // That its policy holds can be seen from what it refuses.
  await window.chat.locator("main#chat").evaluate((main) => main.insertAdjacentHTML("beforeend", '<img src="https://elsewhere.example/x.png" alt="">'));
  await expect.poll(() => window.refused.join("\n"), { timeout: PATIENCE }).toContain("https://elsewhere.example/x.png");
});
