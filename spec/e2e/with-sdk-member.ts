// WithSdkMember: members of matrix-js-sdk and ours in one call. Both decode, before and after each changes its key.
import { joinRoom, register } from "./account.ts";
import { allDecode } from "./calls.ts";
import { person } from "./person.ts";
import { inMode, type Scenario, type ScenarioContext, timesOf } from "./scenario.ts";
import { sdkMember } from "./sdk-member.ts";
import { until } from "./until.ts";

/** How the members of each side join. */
export interface Modes {
  readonly ours: "compatibility" | "matrix_2_0";
  readonly sdk: "state" | "sticky";
}

/** A and C use our library, S uses matrix-js-sdk. All are in one room, and nobody is in the call yet. */
export async function enterWithSdkMember(context: ScenarioContext, { ours, sdk: theirs }: Modes) {
  const { world, enter } = inMode(context, ours);
  const a = await enter(person(world, "A"));
  const link = await a.createRoom();
  const account = await register(world.stack.homeserver, "sdk");
  await joinRoom(account, new URLSearchParams(new URL(link).hash.slice(1)).get("room")!);
  const sdk = await enter(sdkMember(world, account, link, theirs));
  // C enters before S joins: S never sends its sticky membership again for users who enter later.
  const c = await enter(person(world, "C", link));
  return { a, c, sdk, account };
}

export function withSdkMember(name: string, modes: Modes): Scenario {
  return {
    name,
    async run(context) {
      const { a, c, sdk, account } = await enterWithSdkMember(context, modes);
      await a.join();
      await sdk.join();
      const bothDecode = () => Promise.all([a.decodes(account.userId), sdk.decodes(a.userId)]);
      await bothDecode();
      const indexes = async () => ({ ours: await a.ownKeyIndex(), sdk: await sdk.ownKeyIndex() });
      const first = await indexes();

      await c.join();
      await Promise.all([allDecode(a, c), c.decodes(account.userId), sdk.decodes(c.userId)]);
      const joined = await indexes();
      const timesOfC = timesOf((await c.look())!, await a.sender(), await sdk.sender());
      const timesOfA = timesOf((await a.look())!, await sdk.sender(), await c.sender());
      await c.leave();
      const second = await until(
        "both have changed their keys",
        async () => {
          const now = await indexes();
          return now.ours !== joined.ours && now.sdk !== joined.sdk && now;
        },
        15_000,
      );
      await bothDecode();

      return {
        "A after its join": timesOfA,
        "C after its join": timesOfC,
        "key indexes at first": first,
        "key indexes with C": joined,
        "key indexes after C": second,
      };
    },
  };
}
