// Two members, four messages, all deliveries. `npm run simulate:exhaustive` plays those of six.
import { describe, expect, it } from "vitest";
import { deliveries, type Delivery, type Fate, messages, play } from "./exhaustive.ts";

const fates: readonly Fate[] = ["in time", "lost", "late", "doubled"];
const all = (of_: readonly (typeof messages)[number][]): Delivery[] => [...deliveries(of_, fates)];

describe("Messages of a member that joins, leaves and joins again", () => {
  it(
    "lead to members and keys that fit, in every order, each in time, lost, late or doubled",
    { timeout: 120_000 },
    () => {
      const wrong = all(messages.slice(0, 3))
        .concat(all(["leave 1", "join 2", "key 2#0"]))
        .concat(all(["join 2", "key 2#0", "key 2#1"]))
        .flatMap((delivery) => play(delivery).wrong.map((what) => [what, delivery]));
      expect(wrong).toEqual([]);
    },
  );

  it("show the same in the end for every order of all six, if none is late", { timeout: 120_000 }, () => {
    const pictures = new Set<string>();
    for (const delivery of deliveries(messages, ["in time"])) {
      const { wrong, picture } = play(delivery);
      expect({ wrong, delivery }).toEqual({ wrong: [], delivery });
      pictures.add(picture);
    }
    expect([...pictures]).toEqual(["stay-2 $4 | 2 ok"]);
  });

  it("are 1,201 deliveries if there are four of them", () => {
    const some = all(messages.slice(0, 4));
    expect(some).toHaveLength(1_201);
    expect(new Set(some.map((delivery) => JSON.stringify(delivery)))).toHaveProperty("size", 1_201);
  });
});
