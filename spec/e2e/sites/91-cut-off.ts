// One of two loses its network for 30 s, from everything: homeserver, service and SFU. When is media back?
import { setTimeout as sleep } from "node:timers/promises";
import { allDecode } from "../calls.ts";
import { browserOnCable, canCutOff } from "../mesh/network.ts";
import { type Person, person } from "../person.ts";
import { inMode, type Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const cutMs = 30_000;
const limitMs = 3_000;
const portOf = (url: string) => Number(new URL(url).port);

const ways = [
  { number: 91, mode: "compatibility", how: "cable" },
  { number: 92, mode: "matrix_2_0", how: "cable" },
  { number: 93, mode: "compatibility", how: "silent" },
  { number: 94, mode: "matrix_2_0", how: "silent" },
] as const;

const named = { cable: "its cable is out", silent: "nothing says so" };

export const scenarios: readonly Scenario[] = ways.map(({ number, mode, how }) => ({
  name: `${number}. A member (${mode}) is cut off from everything for 30 s (${named[how]}): its media is back within 3 s`,
  async run(context) {
    if (!canCutOff()) return { "not played": "a network of its own needs Linux and root" };
    const { world, enter } = inMode(context, mode);
    const { homeserver, service, sfu, mediaPort } = world.stack;
    const cable = await browserOnCable([world.app, homeserver, service, sfu].map(portOf), [mediaPort]);
    try {
      const a = await enter(person(world, "A"));
      const link = await a.createRoom();
      const b = await enter(person({ ...world, browser: cable.browser }, "B", link));
      await a.join();
      await b.join();
      await allDecode(a, b);

      await cable.cut(how);
      await sleep(cutMs);
      const logged = (await b.states()).length;
      await cable.heal();
      const healTs = Date.now();
      const [backA, backB] = await Promise.all([firstFrames(a, b, healTs), firstFrames(b, a, healTs)]);
      await allDecode(a, b);
      assert(Math.max(backA, backB) <= limitMs, `media was back only after ${backA} and ${backB} ms`);
      return {
        "A decodes B after ms": backA,
        "B decodes A after ms": backB,
        "states of B since": (await b.states()).slice(logged),
      };
    } finally {
      await cable.close();
    }
  },
}));

/** When one has decoded three more frames of the other, in milliseconds since then. */
async function firstFrames(one: Person, other: Person, sinceTs: number): Promise<number> {
  let first = Infinity;
  await until(
    `${one.name} decodes ${other.name} again`,
    async () => {
      const frames = (await one.see(other.userId))?.framesDecoded || undefined;
      // A new connection counts from 0.
      first = Math.min(first, frames ?? Infinity);
      return frames !== undefined && frames >= first + 3;
    },
    30_000,
  );
  return Date.now() - sinceTs;
}
