// One of three loses its network for 10 s, from the homeserver and from the others: it is decoded again without joining again.
import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { allDecode, meshPeople } from "./mesh-person.ts";
import { browserOnCable, canCutOff } from "./network.ts";

const cutMs = 10_000;
const limitMs = 15_000;

const during = (when: string) => (error: unknown) => {
  throw new Error(`${when}: ${String(error)}`);
};

export const scenario: Scenario = {
  name: "26. A mesh whose third member is cut off for 10 s: all decode all again",
  async run(context) {
    if (!canCutOff()) return { "not played": "a network of its own needs Linux and root" };
    const { pages, stack } = context.world;
    const cable = await browserOnCable([pages, stack.homeserver].map((url) => Number(new URL(url).port)));
    try {
      const [a, b, c] = await meshPeople(context, ["A", "B", "C"], { browsers: { C: cable.browser } });
      if (!a || !b || !c) throw new Error("there are not three people");
      await Promise.all([a.join(), b.join(), c.join()]);
      await allDecode([a, b, c], limitMs * 2).catch(during("before the cut"));
      const before = (await a.peer(c))!;

      await cable.cut();
      const cutAt = performance.now();
      let noticedMs = 0;
      await until(
        "A sees that C is reconnecting",
        async () =>
          (await a.peer(c))?.connection === "reconnecting" && (noticedMs = Math.round(performance.now() - cutAt)),
        cutMs,
      );
      await Promise.all([a.decodes(b), b.decodes(a)]).catch(during("while C is cut off"));
      await sleep(Math.max(0, cutMs - (performance.now() - cutAt)));
      await cable.heal();
      const healedAt = performance.now();
      await allDecode([a, b, c], limitMs).catch(during("after the cut"));
      const after = (await a.peer(c))!;
      assert(after.createdTs === before.createdTs, "C has joined again");
      const calls = (await a.trace()).filter((entry) => entry.kind === "call-opened");
      return {
        "cut off ms": cutMs,
        "noticed after ms": noticedMs,
        "all have decoded 12 frames after the network is back ms": Math.round(performance.now() - healedAt),
        "calls of A in all": calls.length,
      };
    } finally {
      await cable.close();
    }
  },
};
