/** What a person sees when something is wrong: the key, the network, the WebSocket; and questions for approval. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { APPROVAL } from "./scripts.js";
import { Window } from "./window.js";

let service: RealService;
let server: CodeServer;
let window: Window;

beforeAll(async () => {
  service = await RealService.start(APPROVAL, { ORICODE_APPROVALS: "mcp_deploy*=ask,*=auto" });
  server = await CodeServer.start({ "oricode.url": service.url }, { "zdemo.abap": "REPORT zdemo.\n" });
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});
beforeEach(async () => {
  await service.run();
  server.configure({ "oricode.url": service.url });
  window = await Window.open();
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await window.shot(`failed ${task.name.slice(0, 40)}`);
  await window?.close();
});

async function start(): Promise<void> {
  await window.load(server.url);
  await window.openChat();
  await window.signIn(service.key);
}

test("a wrong key is refused when signing in, and nothing can be asked without one", async () => {
  await window.load(server.url);
  await window.openChat();
  await window.command("Oricode: Sign Out");
  await window.chat.locator("button", { hasText: "Sign in" }).click();
  await window.answer("ok_wrong");
  await window.page.locator(".notification-toast", { hasText: "does not accept this key" }).waitFor();
  await window.shot("wrong key");
  expect(await window.chat.locator("textarea").isDisabled()).toBe(true);
});

test("an approval is asked for in the chat, and the deployment goes on when it is given", async () => {
  await start();
  await window.ask("Deploy it.");
  await window.chat.locator(".approval", { hasText: "Your approval: deploy stored code" }).waitFor();
  await window.status.filter({ hasText: "Waiting for your approval" }).waitFor();
  await window.shot("approval");
  await window.chat.locator(".approval button", { hasText: "Approve" }).click();
  await window.chat.locator(".blocks", { hasText: "That is all." }).waitFor();
  await window.chat.locator(".approval").waitFor({ state: "detached" });
});

test("an approval asked for while the view is hidden comes as a message", async () => {
  await start();
  await window.ask("Deploy it.");
  await window.hideChat();
  await window.status.filter({ hasText: "Waiting for your approval" }).waitFor();
  const message = window.page.locator(".notification-toast", { hasText: "Oricode asks for your approval" });
  await message.locator("a.monaco-button", { hasText: "Deny" }).click();
  await window.openChat();
  await window.chat.locator(".tool[data-state=denied]").waitFor();
});

test("a service that is out of reach is said so, and the question is answered once it is back", async () => {
  await start();
  await service.kill();
  await window.ask("Deploy it.");
  await window.chat.locator(".label", { hasText: "Reconnecting..." }).waitFor();
  await window.shot("out of reach");
  await service.run();
  await window.chat.locator(".approval button", { hasText: "Approve" }).click();
  await window.chat.locator(".blocks", { hasText: "That is all." }).waitFor();
});

test("a key that was taken away in the meantime ends in an error with a way out", async () => {
  await start();
  await window.command("Oricode: Sign Out");
  await window.chat.locator("textarea:disabled").waitFor();
  await window.command("Oricode: Ask…");
  await window.answer("Deploy it.");
  await window.chat.locator(".card.error", { hasText: "Sign in first" }).waitFor();
  await window.page.locator(".notification-toast", { hasText: "Sign in first" }).waitFor();
  await window.shot("error");
  await window.signIn(service.key);
  await window.chat.locator(".approval button", { hasText: "Deny" }).click();
  await window.chat.locator(".blocks", { hasText: "That is all." }).waitFor();
});

test("where the settings ask for relaying the editor relays, and says so", async () => {
  server.configure({ "oricode.url": service.url, "oricode.transport": "relay" });
  await start();
  await window.chat.locator(".path", { hasText: "Answers are relayed by the editor: as the setting oricode.transport asks for" }).waitFor();
  await window.ask("Deploy it.");
  await window.chat.locator(".approval button", { hasText: "Approve" }).click();
  await window.answered("I store the program, then deploy it. That is all.");
});

test("where no WebSocket can be opened the editor relays, and says so", async () => {
  await window.page.context().routeWebSocket(/\/api\/ws/, (socket) => socket.close());
  await start();
  await window.ask("Deploy it.");
  await window.chat.locator(".path", { hasText: "Answers are relayed by the editor: no WebSocket could be opened" }).waitFor();
  await window.chat.locator(".approval button", { hasText: "Approve" }).click();
  await window.chat.locator(".blocks", { hasText: "I store the program, then deploy it." }).waitFor();
  await window.chat.locator(".blocks", { hasText: "That is all." }).waitFor();
  await window.shot("relayed");
});
