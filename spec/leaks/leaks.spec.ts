import { expect, it } from "vitest";
import { joinAndLeave } from "./leaks.ts";

it.each(["compatibility", "matrix_2_0"] as const)(
  "nothing is left after 40 joins and leaves in %s mode",
  async (mode) => {
    const left = await joinAndLeave({ joins: 40, mode });
    expect(left).toEqual({ timers: 0, subscriptions: 0, delayedEvents: 0, members: 0, failures: 0 });
  },
);
