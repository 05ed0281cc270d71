// Invariant 9, nothing left: after everybody has left, and a day later, nothing of the call remains.
import type { Invariant, World } from "./world.ts";

export class Leftovers implements Invariant {
  afterLeave(world: World): void {
    for (const { index, page } of world.devices) {
      if (!page || page.life.state !== "awake" || page.status === "out" || page.traits.client !== "ours") continue;
      world.violate(9, `a page is still ${page.status} long after it has left`, index, "");
    }
  }

  atEnd(world: World): void {
    // A session of the SDK may go on after its end.
    const hasSdk = world.scenario.devices.some(({ client }) => client === "sdk");
    for (const { index, page } of world.devices) {
      if (!page || page.life.state !== "awake" || page.traits.client !== "ours") continue;
      if (page.members.length > 0 && !hasSdk)
        world.violate(
          9,
          "a page shows members a day after all have left",
          index,
          page.members.map(({ participantIdentity }) => participantIdentity).join(" "),
        );
      world.clock.as(page.life, () => page.dispose());
      const timers = world.clock.timersOf(page.life);
      if (timers > 0) world.violate(9, "timers are left after the last unsubscribe", index, `${timers}`);
      if (page.leftovers > 0)
        world.violate(9, "subscriptions are left after the last unsubscribe", index, `${page.leftovers}`);
    }
    const { length } = world.server.delayed.pending;
    if (length > 0 && !hasSdk) world.violate(9, "delayed events are left", undefined, `${length}`);
  }
}
