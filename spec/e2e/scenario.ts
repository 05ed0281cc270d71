// Scenario: one story of the end-to-end test, and the figures that it leaves behind.
import type { Inspected, Person } from "./person.ts";
import type { Visitor } from "./visitor.ts";
import type { World } from "./world.ts";

export type Figures = Readonly<Record<string, unknown>>;

export interface Scenario {
  readonly name: string;
  run(stage: Stage): Promise<Figures>;
}

/** Where a scenario plays. Everybody who enters is sent home afterwards. */
export interface Stage {
  readonly world: World;
  enter<T extends Person | Visitor>(entering: Promise<T>): Promise<T>;
}

/** The same stage, where our members join in a mode of their own. */
export const inMode = (stage: Stage, mode: string): Stage => ({ ...stage, world: { ...stage.world, mode } });

/** From joining to the first decoded frame, in its parts; each counted from joining. */
export function timesOf({ marks }: Inspected): Figures {
  const { homeserver, token, sfu, key, frame } = marks;
  return { homeserverMs: homeserver, tokenMs: token, sfuMs: sfu, keyMs: key, firstFrameMs: frame };
}
