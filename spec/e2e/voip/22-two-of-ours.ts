// Two people call each other by our library: media both ways, hold, mute. The times beside those of matrix-js-sdk's own calls.
import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { type Caller, callers, type Client, median } from "./caller.ts";

const rounds = 8;

const milestones = [
  "ringing at the called side",
  "connected at the caller",
  "first frame at the caller",
  "first frame at the called side",
  "hangup to the other side's end",
] as const;

type Times = Readonly<Record<(typeof milestones)[number], number>>;

export const scenario: Scenario = {
  name: "22. 1:1 calls of two of ours: media both ways, hold, mute, hangup; times beside matrix-js-sdk's own",
  async run(context) {
    const [a, b] = await callers(context, ["ours", "ours"]);
    await holdAndMute(a, b);

    const pairs = { ours: [a, b] as const, sdk: await pairOf(context, "sdk") };
    const times: Record<Client, Times[]> = { ours: [], sdk: [], "sdk-v0": [] };
    for (let round = 0; round < rounds; round += 1)
      for (const client of ["ours", "sdk"] as const) {
        const [one, other] = pairs[client];
        times[client].push(await (round % 2 === 0 ? timed(one, other) : timed(other, one)));
      }
    // The first call of a room makes its encryption.
    const summary = (client: Client) =>
      Object.fromEntries(
        milestones.map((name) => {
          const all = times[client].slice(1).map((one) => one[name]);
          return [name, `${Math.min(...all)} / ${median(all)} / ${Math.max(...all)}`];
        }),
      );
    return { "ours, ms: min / median / max": summary("ours"), "matrix-js-sdk 43, ms": summary("sdk") };
  },
};

async function pairOf(context: ScenarioContext, client: Client): Promise<readonly [Caller, Caller]> {
  const pair = await callers(context, [client, client]);
  await timed(...pair);
  return pair;
}

async function timed(caller: Caller, called: Caller): Promise<Times> {
  await sleep(300);
  const sinceTs = Date.now();
  await caller.call();
  await Promise.all([caller.decodes(), called.decodes()]);
  const frame = async (one: Caller) => ((await one.see()).firstFrameTs ?? Number.NaN) - sinceTs;
  const reached = async (one: Caller, state: string) => (await one.reached(state, sinceTs)) - sinceTs;
  const times = {
    "ringing at the called side": await reached(called, "ringing"),
    "connected at the caller": await reached(caller, "connected"),
    "first frame at the caller": await frame(caller),
    "first frame at the called side": await frame(called),
  };
  const hangupTs = Date.now();
  await called.hangUp();
  const ended = (await caller.reached("ended", hangupTs)) - hangupTs;
  const isFree = async () => (await caller.see()).states.length + (await called.see()).states.length === 0;
  await until("nobody has a call", isFree, 5_000);
  return { ...times, "hangup to the other side's end": ended };
}

async function holdAndMute(caller: Caller, called: Caller): Promise<void> {
  await caller.call();
  await Promise.all([caller.decodes(), called.decodes()]);
  const holdTs = Date.now();
  await caller.hold(true);
  await called.reached("connected held", holdTs);
  const before = (await called.see()).frames;
  await sleep(1_000);
  assert((await called.see()).frames - before <= 3, "the held side goes on seeing frames");
  await caller.hold(false);
  await Promise.all([caller.decodes(), called.decodes()]);
  await caller.mute(true);
  await sleep(500);
  const muted = (await called.see()).frames;
  await sleep(1_000);
  assert((await called.see()).frames - muted <= 3, "a muted camera goes on being seen");
  await caller.mute(false);
  await called.decodes();
  await caller.hangUp();
  await Promise.all([caller.isFree(), called.isFree()]);
}
