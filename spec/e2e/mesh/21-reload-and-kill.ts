// Pages of the mesh are reloaded, on either side of a pair. Another page crashes.
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { allDecode, type MeshPerson, meshPeople } from "./mesh-person.ts";

/** The default of `JoinTiming`. */
const delayedLeaveMs = 18_000;

export const scenario: Scenario = {
  name: "21. A mesh whose pages are reloaded and killed: it is whole again, and the dead are gone",
  async run(context) {
    const [a, b, c] = await meshPeople(context, ["A", "B", "C"]);
    if (!a || !b || !c) throw new Error("there are not three people");
    await Promise.all([a.join(), b.join(), c.join()]);
    await allDecode([a, b, c]);

    const reload = async (person: MeshPerson, others: readonly MeshPerson[]) => {
      const before = await others[0]!.peer(person);
      const startedAt = performance.now();
      await person.tab.page.reload({ waitUntil: "commit" });
      await until(
        "the others see another membership",
        async () => {
          const now = await others[0]!.peer(person);
          return now !== undefined && now.createdTs !== before!.createdTs;
        },
        15_000,
      );
      const memberMs = Math.round(performance.now() - startedAt);
      await allDecode([person, ...others]);
      return {
        "member again ms": memberMs,
        "all have decoded 12 frames ms": Math.round(performance.now() - startedAt),
      };
    };
    const ordered = [a, b, c].toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
    const caller = await reload(ordered[0]!, ordered.slice(1));
    const called = await reload(ordered[2]!, ordered.slice(0, 2));

    const killedAt = performance.now();
    const since = () => Math.round(performance.now() - killedAt);
    await c.tab.kill();
    let lostMs = 0;
    await until(
      "C is gone",
      async () => {
        const peers = await Promise.all([a.peer(c), b.peer(c)]);
        if (lostMs === 0 && peers.some((peer) => peer?.connection === "reconnecting")) lostMs = since();
        return peers.every((peer) => peer === undefined);
      },
      delayedLeaveMs + 5_000,
    );
    const goneMs = since();
    await allDecode([a, b]);
    const ghosts = (await a.trace()).filter((entry) => entry.kind === "call-opened" && entry.ts > Date.now() - 1_000);
    assert(ghosts.length === 0, "the dead are called");
    return {
      "the smallest user id reloads": caller,
      "the greatest user id reloads": called,
      "C killed": { "shown as reconnecting ms": lostMs, "gone ms": goneMs },
    };
  },
};
