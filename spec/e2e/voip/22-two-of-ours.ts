// Two people call each other by our library: both ways, with hold and mute, and the times beside those of matrix-js-sdk.
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { callers, median } from "./caller.ts";

const rounds = 5;

export const scenario: Scenario = {
  name: "22. 1:1 calls of two of ours: media both ways, hold, mute, hangup",
  async run(context) {
    const [a, b] = await callers(context, ["ours", "ours"]);
    const times: Record<string, number[]> = {
      "ringing at the called side ms": [],
      "connected at the caller ms": [],
      "first frame at the caller ms": [],
      "first frame at the called side ms": [],
      "hangup to the other side's end ms": [],
    };
    for (let round = 0; round < rounds; round += 1) {
      const [caller, called] = round % 2 === 0 ? [a, b] : [b, a];
      const sinceTs = Date.now();
      await caller.call();
      await Promise.all([caller.decodes(), called.decodes()]);
      const first = async (one: typeof a) => ((await one.see()).firstFrameTs ?? Number.NaN) - sinceTs;
      times["ringing at the called side ms"]!.push((await called.reached("ringing", sinceTs)) - sinceTs);
      times["connected at the caller ms"]!.push((await caller.reached("connected", sinceTs)) - sinceTs);
      if (round === 0) {
        times["first frame at the caller ms"]!.push(await first(caller));
        times["first frame at the called side ms"]!.push(await first(called));
      }

      if (round === 0) {
        const holdTs = Date.now();
        await caller.hold(true);
        await called.reached("connected held", holdTs);
        const before = (await called.see()).frames;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        assert((await called.see()).frames - before <= 3, "the held side goes on seeing frames");
        await caller.hold(false);
        await Promise.all([caller.decodes(), called.decodes()]);
      }

      const endTs = Date.now();
      await called.hangUp();
      times["hangup to the other side's end ms"]!.push((await caller.reached("ended hung-up by them", endTs)) - endTs);
      await until(
        "nobody has a call",
        async () => (await a.see()).states.length + (await b.see()).states.length === 0,
        5_000,
      );
    }
    return Object.fromEntries(
      Object.entries(times).map(([name, list]) => [
        name,
        `${Math.min(...list)} / ${median(list)} / ${Math.max(...list)}`,
      ]),
    );
  },
};
