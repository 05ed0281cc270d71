// Scenario: one story of the end-to-end test, and its figures.
import type { Inspected, Person } from "./person.ts";
import type { Tab } from "./tab.ts";
import type { World } from "./world.ts";

export type Figures = Readonly<Record<string, unknown>>;

export interface Scenario {
  readonly name: string;
  /** It needs two homeservers that federate, each with an SFU of its own. */
  readonly isFederated?: boolean;
  run(context: ScenarioContext): Promise<Figures>;
}

/** What a scenario works with. All tabs that enter are closed after the scenario. */
export interface ScenarioContext {
  readonly world: World;
  enter<T extends Person | Tab>(entering: Promise<T>): Promise<T>;
}

/** The same context, with another mode for our members. */
export const inMode = (context: ScenarioContext, mode: string): ScenarioContext => ({
  ...context,
  world: { ...context.world, mode },
});

/** The same context, in which a join ratchets the keys of our members. */
export const ratcheting = (context: ScenarioContext): ScenarioContext => ({
  ...context,
  world: { ...context.world, onJoin: "ratchet" },
});

/**
 * The steps from the join to the first decoded frame, each in milliseconds since the join. `afterSfuAndKeyMs`: for each other
 * member, the time from when we were connected to the SFU, had its key and saw its video there, to the first decoded frame.
 */
export function timesOf({ marks, memberMarks }: Inspected): Figures {
  const { homeserver, token, sfu = 0, key, frame } = marks;
  const waits = Object.values(memberMarks)
    .filter((member) => member.frame !== undefined)
    .map((member) => member.frame! - Math.max(sfu, member.key ?? 0, member.published ?? 0));
  return {
    homeserverMs: homeserver,
    tokenMs: token,
    sfuMs: sfu,
    keyMs: key,
    firstFrameMs: frame,
    afterSfuAndKeyMs: waits,
  };
}
