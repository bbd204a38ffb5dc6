/** A browser window with VS Code in it, driven as a person does: by what is seen and by the keyboard. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { chromium, errors, type BrowserContext, type FrameLocator, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";

/** Generous: the machine may be busy with other things. */
export const PATIENCE = 90_000;
const SHOTS = fileURLToPath(new URL("../../../../test-output/vscode/", import.meta.url));
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]; // prettier-ignore

export class Window {
  /** What the browser refused because of a page's security policy. */
  readonly refused: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
    private readonly profile: string,
  ) {
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) this.refused.push(`${message.location().url}: ${message.text()}`);
    });
  }

  static async open(size: { width: number; height: number } = { width: 1280, height: 860 }): Promise<Window> {
    const profile = mkdtempSync(join(tmpdir(), "oricode-browser-"));
    const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
    const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: FLAGS, viewport: size, permissions: ["clipboard-read", "clipboard-write"] });
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(PATIENCE);
    return new Window(context, page, profile);
  }

  async load(url: string): Promise<void> {
    await this.page.goto(url);
    await this.page.locator(".monaco-workbench").waitFor();
    await this.status.waitFor();
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator(".monaco-workbench").waitFor();
    await this.status.waitFor();
  }

  async close(): Promise<void> {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The item of the extension in the status bar. */
  get status(): Locator {
    return this.page.locator('.statusbar-item[id="oricode.oricode.status"], .statusbar-item[id*="oricode.status"]').first();
  }

  /** The chat page inside the webview. */
  get chat(): FrameLocator {
    return this.page.frameLocator('iframe.webview[src*="extensionId=oricode.oricode"]').frameLocator("#active-frame");
  }

  /** Runs a command by its title, through the palette. */
  async command(title: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input[type=text]");
    const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first();
    for (let tries = 5; ; tries--) {
      try {
        await this.page.keyboard.press("F1");
        await input.fill(`>${title}`, { timeout: PATIENCE / 6 });
        await row.waitFor({ timeout: PATIENCE / 6 });
        return await this.page.keyboard.press("Enter");
      } catch (error) {
        // Something else took the focus at that moment, and the palette closed: a person would open it again.
        if (!tries || !(error instanceof errors.TimeoutError)) throw error;
      }
    }
  }

  /** Fills the input box that is open, and accepts it. */
  async answer(text: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input");
    await input.waitFor();
    await input.fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** Starts to note what the status bar shows; the returned function tells all of it, in order. */
  async watchStatus(): Promise<() => Promise<string[]>> {
    await this.page.evaluate(() => {
      const seen: string[] = ((globalThis as { seen?: string[] }).seen = []);
      const note = () => {
        const text = document.querySelector('.statusbar-item[id*="oricode.status"]')?.textContent?.trim() ?? "";
        if (text && text !== seen.at(-1)) seen.push(text);
      };
      new MutationObserver(note).observe(document.querySelector(".statusbar")!, { subtree: true, childList: true, characterData: true });
      note();
    });
    return () => this.page.evaluate(() => (globalThis as { seen?: string[] }).seen ?? []);
  }

  async openChat(): Promise<void> {
    const icon = this.chatIcon;
    await icon.waitFor();
    // A click on the icon of the view that is open would hide it.
    if (!(await this.chatOpen())) await icon.click();
    await this.chat.locator(".log > *").first().waitFor(); // drawn once the extension has said what to show
  }

  async hideChat(): Promise<void> {
    await this.chatIcon.click();
    await this.page.locator('iframe.webview[src*="extensionId=oricode.oricode"]').waitFor({ state: "detached" });
  }

  private get chatIcon(): Locator {
    return this.page.locator(".activitybar .action-item", { has: this.page.locator('a.action-label[aria-label*="Oricode"]') }).first();
  }

  private async chatOpen(): Promise<boolean> {
    const icon = this.chatIcon;
    return (await icon.getAttribute("aria-selected")) === "true" || ((await icon.getAttribute("class")) ?? "").includes("checked");
  }

  async signIn(key: string): Promise<void> {
    await this.command("Oricode: Sign In");
    await this.answer(key);
    await this.chat.locator("textarea:enabled").waitFor();
  }

  async newChat(): Promise<void> {
    await this.command("Oricode: New Chat");
    await this.chat.locator(".welcome").waitFor();
  }

  async ask(question: string): Promise<void> {
    await this.chat.locator("textarea").fill(question);
    await this.chat.locator("textarea").press("Enter");
  }

  /** Waits until the answer is there, and checks that the view shows exactly `text`, line ends aside. */
  async answered(text: string): Promise<void> {
    await this.chat.locator(".rating").waitFor();
    const shown = await this.chat.locator(".blocks .markdown").allInnerTexts();
    expect(shown.join(" ").replace(/\s+/g, " ").trim()).toBe(text);
  }

  /** What axe-core finds in the chat page that keeps people with disabilities out: the rule, and where. */
  async barriers(): Promise<string[]> {
    const frame = await (await this.chat.locator("main#chat").elementHandle())!.ownerFrame();
    await frame!.evaluate(axe.source);
    return frame!.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
      // The page is transparent; what is behind it is out of sight from inside the frame.
      document.documentElement.style.background = "var(--vscode-sideBar-background)";
      const { violations } = await axe.run("main", { iframes: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`));
    });
  }

  async shot(name: string): Promise<void> {
    mkdirSync(SHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SHOTS, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}.png`) });
  }
}
