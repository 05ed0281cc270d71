// Tab: a page in its own browser context, which is a device of its own.
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { noteIn, type PictureNote } from "./first-picture.ts";
import { redacted } from "./redact.ts";
import type { World } from "./world.ts";

const screenshots = fileURLToPath(new URL(".screenshots/", import.meta.url));
const keptLines = 40;

export class Tab {
  readonly name: string;
  page: Page;
  /** The latest errors and warnings of the page. */
  readonly complaints: string[] = [];
  readonly pictureNotes: PictureNote[] = [];
  readonly #context: BrowserContext;
  /** The id of its process while the process is stopped. */
  #frozen: number | undefined;

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

  /** Ends the page like a power cut: none of its code runs any more. */
  async kill(): Promise<void> {
    const crashed = new Promise((resolve) => this.page.once("crash", resolve));
    const session = await this.#context.newCDPSession(this.page);
    session.send("Page.crash").catch(() => {});
    await crashed;
  }

  /** Kills the page and opens it again, as browsers do that restore tabs after a crash. */
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

  /** Stops the process of the page with its timers and its media, as when a computer sleeps. */
  async freeze(): Promise<void> {
    this.#frozen = await this.#process();
    process.kill(this.#frozen, "SIGSTOP");
    const isAlive = await Promise.race([this.page.evaluate(() => true).catch(() => false), sleep(1_000, false)]);
    if (!isAlive) return;
    this.thaw();
    throw new Error(`${this.name} does not stop with process ${this.#frozen}`);
  }

  /** Continues the stopped process. */
  thaw(): void {
    if (this.#frozen !== undefined) process.kill(this.#frozen, "SIGCONT");
    this.#frozen = undefined;
  }

  close(): Promise<void> {
    this.thaw();
    return this.#context.close();
  }

  /** The process of the page: the process that uses most CPU time while the page is busy. */
  async #process(): Promise<number> {
    const session = await this.#context.browser()!.newBrowserCDPSession();
    const times = async () => {
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      const renderers = processInfo.filter(({ type }) => type === "renderer");
      return new Map(renderers.map(({ id, cpuTime }) => [id, cpuTime]));
    };
    const before = await times();
    await this.page.evaluate(() => {
      for (const endsAt = performance.now() + 1_500; performance.now() < endsAt; );
    });
    const worked = [...(await times())].map(([id, time]) => ({ id, time: time - (before.get(id) ?? 0) }));
    await session.detach();
    return worked.reduce((most, one) => (one.time > most.time ? one : most)).id;
  }

  #listen() {
    const complain = (line: string) => {
      this.complaints.push(redacted(line));
      if (this.complaints.length > keptLines) this.complaints.shift();
    };
    this.page.on("pageerror", (error) => complain(`uncaught: ${error.message}`));
    this.page.on("console", (message) => {
      const note = noteIn(message.text());
      if (note) this.pictureNotes.push(note);
      if (["error", "warning"].includes(message.type())) complain(`${message.type()}: ${message.text().slice(0, 300)}`);
    });
  }
}

/** Opens a page, as large as on a small laptop. */
export async function openTab({ browser }: World, name: string, url: string): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 960, height: 600 } });
  const page = await context.newPage();
  const tab = new Tab(name, context, page);
  await page.goto(url);
  return tab;
}
