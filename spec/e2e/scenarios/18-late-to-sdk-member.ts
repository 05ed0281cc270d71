// D enters the room of a sticky call in which matrix-js-sdk is alone, and cannot decrypt its membership. The SDK never sends it again.
import { joinRoom, register } from "../account.ts";
import { person } from "../person.ts";
import { inMode, type Scenario } from "../scenario.ts";
import { sdkMember } from "../sdk-member.ts";
import { assert, until } from "../until.ts";

const limitMs = 5_000;

export const scenario: Scenario = {
  name: "18. D enters a sticky call of matrix-js-sdk and cannot read its join: both decode each other all the same (E1)",
  async run(usual) {
    const { world, enter } = inMode(usual, "matrix_2_0");
    const a = await enter(person(world, "A"));
    const link = await a.createRoom();
    const account = await register(world.stack.homeserver, "sdk");
    await joinRoom(account, new URLSearchParams(new URL(link).hash.slice(1)).get("room")!);
    const sdk = await enter(sdkMember(world, account, link, "sticky"));
    await sdk.join();
    await a.tab.page.getByText("In the call:").filter({ hasText: "sdk" }).waitFor({ timeout: 20_000 });

    const d = await enter(person(world, "D", link));
    const startTs = Date.now();
    await d.join();
    // Its tile shows a picture. The list of members does not have it.
    const showsSdk = () =>
      d.tab.page.evaluate(
        (name) =>
          Array.from(document.querySelectorAll("video"), (video) => ({ video, tile: video.parentElement! })).some(
            ({ video, tile }) => tile.textContent.includes(name) && video.videoWidth > 0 && video.currentTime > 0,
          ),
        account.userId.slice(1).split(":")[0]!,
      );
    const framesOfD = () => sdk.page.evaluate((id) => window.sdkMember!.framesDecoded(id), d.userId);
    const decoded = async (name: string, wait: Promise<unknown>): Promise<[string, number]> => {
      await wait;
      return [name, Date.now() - startTs];
    };
    const times = await Promise.all([
      decoded("D shows the SDK ms", until("D shows the SDK", showsSdk, 30_000)),
      decoded(
        "the SDK decodes D ms",
        until("the SDK decodes D", async () => (await framesOfD()) > 0, 30_000),
      ),
    ]);
    const last = Math.max(...times.map(([, ms]) => ms));
    assert(last <= limitMs, `both decode each other after ${last} ms`);
    await sdk.decodes(d.userId);
    const listed = (await d.look())!.members.map(({ userId }) => userId);
    assert(listed.join() === d.userId, `D can read the membership of the SDK: ${listed.join()}`);
    return Object.fromEntries(times);
  },
};
