// We and matrix-js-sdk's MatrixCall call each other at once: one call, also where the SDK by itself makes two or none.
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { callers } from "./caller.ts";

const gaps = [0, 10, 20, 30, 45, 130, 160, 362, 400, 441];
/** Later, a page that answers at once is in the call already when its user presses. */
const longestAnsweredGapMs = 45;

export const scenario: Scenario = {
  name: "25. 1:1 calls that cross with those of matrix-js-sdk: one call in the end",
  async run(context) {
    const figures: Record<string, unknown> = {};
    for (const isInvited of [false, true])
      for (const answers of [false, true]) {
        const [ours, sdk] = await callers(context, ["ours", "sdk"], { answers });
        const times: (number | string)[] = [];
        for (const [round, gapMs] of gaps.filter((gap) => !answers || gap <= longestAnsweredGapMs).entries()) {
          const isOurs = round % 2 === 0;
          const sinceTs = Date.now();
          const call = (one: typeof ours, other: typeof ours) => one.call(isInvited ? other.userId : undefined);
          const calling = isOurs ? call(ours, sdk) : call(sdk, ours);
          await new Promise((resolve) => setTimeout(resolve, gapMs));
          await Promise.all([calling, isOurs ? call(sdk, ours) : call(ours, sdk)]);
          await until(
            `gap ${gapMs}, invitee ${isInvited}, answers ${answers}: one connected call on both sides`,
            async () => {
              const [ofOurs, ofSdk] = [await ours.see(), await sdk.see()];
              return ofOurs.states.join() === "connected" && ofSdk.states.join() === "connected";
            },
            15_000,
          );
          times.push(Date.now() - sinceTs);
          await Promise.all([ours.decodes(), sdk.decodes()]).catch(async (error: unknown) => {
            const words = async (one: typeof ours) =>
              (await one.see()).history
                .filter(({ ts }) => ts >= sinceTs)
                .map(({ call: at, state, ts }) => `${ts - sinceTs} #${at} ${state}`)
                .join(", ");
            const about = `gap ${gapMs}, ${isOurs ? "we" : "the SDK"} first, invitee ${isInvited}, answers ${answers}`;
            throw new Error(`${String(error)}: ${about}; ours: ${await words(ours)}; SDK: ${await words(sdk)}`);
          });
          await ours.hangUp();
          await until(
            "nobody has a call",
            async () => (await ours.see()).states.length + (await sdk.see()).states.length === 0,
            10_000,
          );
        }
        figures[`${isInvited ? "with" : "without"} invitee, ${answers ? "answers" : "rings"}: one call ms`] = times;
      }
    return figures;
  },
};
