// Visitor: a page in a browser context of its own, that is a device of its own.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import type { World } from "./world.ts";

const screenshots = fileURLToPath(new URL(".screenshots/", import.meta.url));
const keptLines = 40;

export class Visitor {
  readonly name: string;
  readonly page: Page;
  /** The last things that the page has complained about. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  constructor(name: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.page = page;
    this.#context = context;
    const complain = (line: string) => {
      this.complaints.push(line);
      if (this.complaints.length > keptLines) this.complaints.shift();
    };
    page.on("pageerror", (error) => complain(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complain(`${message.type()}: ${message.text().slice(0, 300)}`);
    });
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

  close(): Promise<void> {
    return this.#context.close();
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
