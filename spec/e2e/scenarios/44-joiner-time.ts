// How long a joiner waits from its membership to the first decoded frame, with new keys and with a ratchet.
import { setTimeout as sleep } from "node:timers/promises";
import { allDecode, twoInCall } from "../calls.ts";
import { person } from "../person.ts";
import { ratcheting, type Scenario, type ScenarioContext } from "../scenario.ts";

/** Longer than `graceMs`, in which a joiner gets the key in use as it is. */
const quietMs = 11_000;
const rounds = 4;

export const scenario: Scenario = {
  name: "44. The time of a joiner from its membership to the first frame, with new keys and with a ratchet",
  run: async (context) => ({
    "new keys": await joiner(context),
    ratchet: await joiner(ratcheting(context)),
  }),
};

async function joiner(context: ScenarioContext) {
  const { a, b, link } = await twoInCall(context);
  const c = await context.enter(person(context.world, "C", link));
  const times: { keyMs: number; frameMs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    await sleep(quietMs);
    await c.join();
    await allDecode(c, a, b);
    const { homeserver = 0, key = 0, frame = 0 } = (await c.look())!.marks;
    times.push({ keyMs: key - homeserver, frameMs: frame - homeserver });
    await c.leave();
  }
  await Promise.all([a, b, c].map(({ tab }) => tab.close()));
  return {
    "key after ms": times.map(({ keyMs }) => keyMs),
    "first frame after ms": times.map(({ frameMs }) => frameMs),
  };
}
