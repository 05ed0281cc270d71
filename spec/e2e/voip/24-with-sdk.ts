// Our calls with matrix-js-sdk's MatrixCall on the other side: both directions, both versions, hold, mute, hangup, reject.
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { type Caller, callers } from "./caller.ts";

export const scenario: Scenario = {
  name: "24. 1:1 calls with matrix-js-sdk's MatrixCall: both ways, versions 0 and 1",
  async run(context) {
    const figures: Record<string, unknown> = {};
    for (const client of ["sdk", "sdk-v0"] as const) {
      const [ours, sdk] = await callers(context, ["ours", client]);
      const isOver = () =>
        until(
          "nobody has a call",
          async () => (await ours.see()).states.length + (await sdk.see()).states.length === 0,
          10_000,
        );
      const connect = async (caller: Caller, called: Caller) => {
        const sinceTs = Date.now();
        await caller.call();
        await Promise.all([caller.decodes(), called.decodes()]);
        return { "connected ms": (await caller.reached("connected", sinceTs)) - sinceTs };
      };
      figures[`${client}: we call`] = await connect(ours, sdk);
      if (client === "sdk") {
        const holdTs = Date.now();
        await ours.hold(true);
        await sdk.reached("held", holdTs);
        await ours.hold(false);
        await sdk.reached("not held", holdTs);
        await Promise.all([ours.decodes(), sdk.decodes()]);
        const heldTs = Date.now();
        await sdk.hold(true);
        await ours.reached("connected held", heldTs);
        await sdk.hold(false);
        await Promise.all([ours.decodes(), sdk.decodes()]);
        await ours.mute(true);
        await ours.mute(false);
        await sdk.decodes();
      }
      const hangupTs = Date.now();
      await ours.hangUp();
      await sdk.reached("ended", hangupTs);
      await isOver();

      figures[`${client}: it calls`] = await connect(sdk, ours);
      const endTs = Date.now();
      await sdk.hangUp();
      figures[`${client}: its hangup to our end ms`] = (await ours.reached("ended hung-up by them", endTs)) - endTs;
      await isOver();
    }

    const [ours, sdk] = await callers(context, ["ours", "sdk"], { answers: false });
    const rejectTs = Date.now();
    await ours.call();
    await sdk.reached("ringing", rejectTs);
    await sdk.reject();
    figures["its reject to our end ms"] = (await ours.reached("ended rejected by them", rejectTs)) - rejectTs;
    const refuseTs = Date.now();
    await sdk.call();
    await ours.reached("ringing", refuseTs);
    await ours.reject();
    await sdk.reached("ended", refuseTs);
    const cancelTs = Date.now();
    await sdk.call();
    await ours.reached("ringing", cancelTs);
    await sdk.hangUp();
    await ours.reached("ended cancelled by them", cancelTs);
    assert((await ours.see()).states.length === 0, "we have a call");
    return figures;
  },
};
