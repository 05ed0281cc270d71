// ElementCall: an unmodified Element Call, as the widget of a client that matrix-js-sdk runs.
import type { Frame } from "playwright-core";
import type { Account } from "../account.ts";
import { type Tab, openTab } from "../tab.ts";
import { assert, until } from "../until.ts";
import type { World } from "../world.ts";

/** How Element Call joins, in its own words. */
export type ElementCallMode = "compatibility" | "matrix_2_0";

export interface ElementCall extends Tab {
  readonly userId: string;
  /** Starts Element Call, which goes into the call by itself. */
  start(): Promise<void>;
  /** The page of Element Call, once it is started. */
  frame(): Frame;
  /** How many members the call has, as the client of Element Call counts them. */
  members(): Promise<number>;
  /** Video frames that Element Call has decoded, for each track that it receives. */
  framesByTrack(): Promise<readonly number[]>;
  /** Waits until it decodes more frames of this many tracks. */
  decodes(tracks: number, options?: { readonly frames?: number; readonly withinMs?: number }): Promise<void>;
}

/** Where the other pages are, too: Chromium denies storage to a frame of another site. */
const folder = "element-call/";
/** Opens a client with Element Call as its widget in a room. Resolves when the client is in sync. */
export async function elementCall(
  world: World,
  account: Account,
  roomId: string,
  { mode, intent = "join_existing" }: { readonly mode: ElementCallMode; readonly intent?: string },
): Promise<ElementCall> {
  const tab = await openTab(world, "E", "about:blank");
  const { page } = tab;
  // In a small window it hides its buttons.
  await page.setViewportSize({ width: 1_280, height: 960 });
  const url = `${world.pages}${folder}`;
  await page.context().route(`${url}config.json`, (route) => route.fulfill({ json: { matrix_rtc_mode: mode } }));
  await page.context().addInitScript((path) => {
    if (!location.pathname.startsWith(path)) return;
    const connections: RTCPeerConnection[] = [];
    Object.assign(window, { connections });
    window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
      construct(target, args) {
        const connection = Reflect.construct(target, args) as RTCPeerConnection;
        connections.push(connection);
        return connection;
      },
    });
  }, `/${folder}`);
  await page.goto(`${world.pages}element-call.html`);
  await page.evaluate((options) => window.startHost(options), { account, roomId, url, intent });
  const frame = () => page.frames().find((one) => one.url().startsWith(url))!;
  const framesByTrack = () =>
    frame().evaluate(async () => {
      const { connections } = window as unknown as { readonly connections: readonly RTCPeerConnection[] };
      const reports = await Promise.all(connections.map((connection) => connection.getStats()));
      return reports
        .flatMap((report) => Array.from(report.values()))
        .filter((stat) => stat.type === "inbound-rtp" && stat.kind === "video")
        .map((stat) => Number(stat.framesDecoded ?? 0));
    });
  return Object.assign(tab, {
    userId: account.userId,
    frame,
    framesByTrack,
    members: () => page.evaluate(() => window.countMembers!()),
    async start() {
      await page.evaluate(() => window.startElementCall!());
      await until("Element Call is loaded", async () => frame() !== undefined, 30_000);
    },
    async decodes(tracks: number, { frames = 20, withinMs = 40_000 } = {}) {
      const first = await framesByTrack();
      await until(
        `Element Call decodes ${frames} frames of ${tracks} members`,
        async () => {
          const now = await framesByTrack();
          const growing = now.filter((count, index) => count >= (first[index] ?? 0) + frames);
          assert(now.length <= 4 * tracks + 4, `Element Call receives ${now.length} tracks`);
          return growing.length >= tracks;
        },
        withinMs,
      );
    },
  });
}
