import { afterEach, describe, expect, test, vi } from "vitest";
import { Delegations } from "../../examples/stack/delegation.ts";

const delegations = new Delegations(2);
afterEach(() => delegations.stop());

/** A participant whose presence the test sets, and the requests to the homeserver. */
function participant(answer: (action: string) => Promise<number> = async () => 200) {
  const asked: string[] = [];
  const someone = {
    here: false,
    asked,
    timeoutMs: 50,
    present: async () => someone.here,
    async update(action: "restart" | "send") {
      asked.push(action);
      return answer(action);
    },
  };
  return someone;
}
const restarts = (asked: string[]) => asked.filter((action) => action === "restart").length;

describe("A delegated leave", () => {
  test("is restarted repeatedly from when the participant appears", async () => {
    const someone = participant();
    const present = vi.fn(someone.present);
    delegations.add("someone", { ...someone, present, timeoutMs: 10_000 });
    await vi.waitFor(() => expect(present.mock.calls.length).toBeGreaterThan(2));
    expect(someone.asked).toEqual([]);
    someone.here = true;
    await vi.waitFor(() => expect(someone.asked).toEqual(["restart"]));

    const other = participant();
    other.here = true;
    delegations.add("other", other);
    await vi.waitFor(() => expect(restarts(other.asked)).toBeGreaterThan(2));
  });

  test("is sent when the participant disappears", async () => {
    const someone = participant();
    someone.here = true;
    delegations.add("someone", someone);
    await vi.waitFor(() => expect(someone.asked).toContain("restart"));
    someone.here = false;
    await vi.waitFor(() => expect(someone.asked.at(-1)).toBe("send"));
  });

  test("is not touched if the participant does not appear in time", async () => {
    const someone = participant();
    const present = vi.fn(someone.present);
    const looks = () => present.mock.calls.length;
    const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
    delegations.add("someone", { ...someone, present, timeoutMs: 10 });
    await vi.waitFor(
      async () => {
        const before = looks();
        await pause();
        expect(looks()).toBe(before);
      },
      { timeout: 10_000 },
    );
    const before = looks();
    someone.here = true;
    await pause();
    expect(looks()).toBe(before);
    expect(someone.asked).toEqual([]);
  });

  test("ends if the homeserver does not know it any more", async () => {
    const someone = participant(async () => 404);
    someone.here = true;
    const present = vi.fn(someone.present);
    delegations.add("someone", { ...someone, present });
    await vi.waitFor(() => expect(someone.asked).toEqual(["restart"]));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(present).toHaveBeenCalledTimes(1);
  });

  test("survives an outage of the homeserver", async () => {
    const answers = [() => Promise.reject(new Error("refused")), async () => 502, async () => 429];
    const someone = participant(() => answers.shift()?.() ?? Promise.resolve(200));
    someone.here = true;
    delegations.add("someone", { ...someone, timeoutMs: 10_000 });
    await vi.waitFor(() => expect(someone.asked).toHaveLength(4));
  });

  test("is replaced by a newer delegation of the same participant", async () => {
    const before = participant();
    const after = participant();
    delegations.add("someone", before);
    delegations.add("someone", after);
    before.here = after.here = true;
    await vi.waitFor(() => expect(after.asked).toContain("restart"));
    expect(before.asked).toEqual([]);
  });

  test("is refused if there are 1,000 others, unless it replaces one", () => {
    const absent = participant();
    for (let n = 0; n < 1_000; n += 1) expect(delegations.add(`participant ${n}`, absent)).toBe(true);
    expect(delegations.add("one more", absent)).toBe(false);
    expect(delegations.add("participant 0", absent)).toBe(true);
  });
});
