// SdkMember: a member of the call by matrix-js-sdk's own MatrixRTCSession and LiveKit, without our library.
import type { Account } from "./account.ts";
import { until } from "./until.ts";
import { type Visitor, visit } from "./visitor.ts";
import type { World } from "./world.ts";

export interface SdkMember extends Visitor {
  join(): Promise<void>;
  /** Its first key does not get to somebody, which it does not notice. */
  loseFirstKeyFor(userId: string): Promise<void>;
  /** The index of the key that it encrypts with. */
  ownKeyIndex(): Promise<number | undefined>;
  decodes(userId: string): Promise<void>;
}

const frames = 20;

export async function sdkMember(
  world: World,
  account: Account,
  link: string,
  mode: "state" | "sticky",
): Promise<SdkMember> {
  const visitor = await visit(world, "S", `${world.pages}sdk-member.html`);
  const { page } = visitor;
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  const options = { account, roomId, service: world.stack.service, sticky: mode === "sticky" };
  await page.evaluate((start) => window.startSdkMember(start), options);
  const framesOf = (userId: string) => page.evaluate((id) => window.sdkMember!.framesDecoded(id), userId);
  return Object.assign(visitor, {
    join: () => page.evaluate(() => window.sdkMember!.join()),
    loseFirstKeyFor: (userId: string) => page.evaluate((id) => window.sdkMember!.loseFirstKeyFor(id), userId),
    ownKeyIndex: () => page.evaluate(() => window.sdkMember!.ownKeyIndex()),
    async decodes(userId: string) {
      const first = await framesOf(userId);
      await until(
        `the SDK's member decodes ${frames} frames of ${userId}`,
        async () => (await framesOf(userId)) >= first + frames,
        30_000,
      );
    },
  });
}
