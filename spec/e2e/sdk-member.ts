// SdkMember: a member of the call through MatrixRTCSession of matrix-js-sdk and LiveKit, without our library.
import type { Account } from "./account.ts";
import type { Sender } from "./person.ts";
import { until } from "./until.ts";
import { type Tab, openTab } from "./tab.ts";
import type { World } from "./world.ts";

export interface SdkMember extends Tab {
  join(): Promise<void>;
  /** Drops its first key on the way to one user. It counts as sent. */
  loseFirstKeyFor(userId: string): Promise<void>;
  /** The index of the key that it encrypts with. */
  ownKeyIndex(): Promise<number | undefined>;
  sender(): Promise<Sender>;
  /** Makes LiveKit set all keys again as they were sent, as it does whenever somebody publishes a track. */
  setAllKeys(): Promise<void>;
  decodes(userId: string): Promise<void>;
  /** Waits until it knows a device of the user: its encrypted events can be read there. */
  knows(userId: string): Promise<unknown>;
}

const frames = 20;
/** The options of Element Call for LiveKit's key provider. */
const elementCallKeys = { keyOptions: { keyringSize: 256, ratchetWindowSize: 10 } };

export async function sdkMember(
  world: World,
  account: Account,
  link: string,
  mode: "state" | "sticky",
  {
    keyOptions = {},
  }: { readonly keyOptions?: { readonly keyringSize?: number; readonly ratchetWindowSize?: number } } = elementCallKeys,
): Promise<SdkMember> {
  const tab = await openTab(world, "S", `${world.pages}sdk-member.html`);
  const { page } = tab;
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  const options = { account, roomId, service: world.stack.service, sticky: mode === "sticky", keyOptions };
  await page.evaluate((start) => window.startSdkMember(start), options);
  const framesOf = (userId: string) => page.evaluate((id) => window.sdkMember!.framesDecoded(id), userId);
  return Object.assign(tab, {
    join: () => page.evaluate(() => window.sdkMember!.join()),
    loseFirstKeyFor: (userId: string) => page.evaluate((id) => window.sdkMember!.loseFirstKeyFor(id), userId),
    ownKeyIndex: () => page.evaluate(() => window.sdkMember!.ownKeyIndex()),
    sender: async () => ({ name: "S", ...(await page.evaluate(() => window.sdkMember!.sender())) }),
    setAllKeys: () => page.evaluate(() => window.sdkMember!.setAllKeys()),
    knows: (userId: string) =>
      until(
        `the member of the SDK knows a device of ${userId}`,
        () => page.evaluate((id) => window.sdkMember!.knows(id), userId),
        20_000,
      ),
    async decodes(userId: string) {
      const first = await framesOf(userId);
      await until(
        `the member of the SDK decodes ${frames} frames of ${userId}`,
        async () => (await framesOf(userId)) >= first + frames,
        30_000,
      );
    },
  });
}
