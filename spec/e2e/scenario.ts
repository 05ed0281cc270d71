// Scenario: one story of the end-to-end test, and its figures.
import type { Inspected, Person, Sender } from "./person.ts";
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
 * The steps from the join to the first decoded frame, each in milliseconds since the join. `afterSfuAndKeyMs`: for each of
 * these senders, the time to its first decoded frame from when we were connected to the SFU, saw its video there, had its key,
 * and it encrypted with that key. A sender changes to a new key a second after it has sent it.
 */
export function timesOf(
  { marks, memberMarks, joinTs }: Inspected,
  ...senders: readonly (Sender | undefined)[]
): Figures {
  const { homeserver, token, sfu = 0, key, frame } = marks;
  const waits = senders.flatMap((sender) => {
    const { name = "", identity = "", ownKeysTs = [] } = sender ?? {};
    const { frame: frameMs, key: keyMs = 0, published = 0 } = memberMarks[identity] ?? {};
    if (frameMs === undefined) return [];
    const inUseMs = Math.max(0, ...ownKeysTs.map((ts) => ts - joinTs).filter((ms) => ms <= frameMs));
    return [[name, frameMs - Math.max(sfu, keyMs, published, inUseMs)] as const];
  });
  return {
    homeserverMs: homeserver,
    tokenMs: token,
    sfuMs: sfu,
    keyMs: key,
    firstFrameMs: frame,
    afterSfuAndKeyMs: Object.fromEntries(waits),
  };
}
