// Visitor: a page in a browser context of its own, that is a device of its own.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import type { World } from "./world.ts";

const screenshots = fileURLToPath(new URL(".screenshots/", import.meta.url));
const keptLines = 40;

export class Visitor {
  readonly name: string;
  page: Page;
  /** The last things that the page has complained about. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  constructor(name: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.#context = context;
    this.page = page;
    this.#listen();
  }

  async screenshot(name: string): Promise<string> {
    await mkdir(screenshots, { recursive: true });
    const path = `${screenshots}${name}.png`;
    await this.page.screenshot({ path, timeout: 5_000 });
    return path;
  }

  /** Ends the page as if its power had been cut: none of its code runs any more. */
  async kill(): Promise<void> {
    const crashed = new Promise((resolve) => this.page.once("crash", resolve));
    const session = await this.#context.newCDPSession(this.page);
    session.send("Page.crash").catch(() => {});
    await crashed;
  }

  /** Kills the page and opens it again, as a browser does that restores its tabs after a crash. */
  async killAndReturn(): Promise<void> {
    const kept = await this.page.evaluate(() => Object.entries(sessionStorage));
    await this.kill();
    const url = this.page.url();
    this.page = await this.#context.newPage();
    this.#listen();
    await this.page.addInitScript((items) => {
      for (const [name, value] of items) sessionStorage.setItem(name, value as string);
    }, kept);
    await this.page.goto(url, { waitUntil: "commit" });
  }

  /** Stops the page's code, its timers too, as browsers do with tabs that nobody looks at. */
  freeze(): Promise<void> {
    return this.#setLifecycle("frozen");
  }

  /** Lets it go on. */
  thaw(): Promise<void> {
    return this.#setLifecycle("active");
  }

  close(): Promise<void> {
    return this.#context.close();
  }

  async #setLifecycle(state: "frozen" | "active") {
    const session = await this.#context.newCDPSession(this.page);
    await session.send("Page.setWebLifecycleState", { state });
    await session.detach();
  }

  #listen() {
    const complain = (line: string) => {
      this.complaints.push(line);
      if (this.complaints.length > keptLines) this.complaints.shift();
    };
    this.page.on("pageerror", (error) => complain(`uncaught: ${error.message}`));
    this.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complain(`${message.type()}: ${message.text().slice(0, 300)}`);
    });
  }
}

/** Opens a page; `viewport` as on a small laptop. */
export async function visit({ browser }: World, name: string, url: string): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 960, height: 600 } });
  const page = await context.newPage();
  const visitor = new Visitor(name, context, page);
  await page.goto(url);
  return visitor;
}
