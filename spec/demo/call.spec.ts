import { asyncScheduler, NEVER, type Observable } from "rxjs";
import { describe, expect, test } from "vitest";
import { prepareCall } from "../../examples/demo/call.ts";
import type { Happening } from "../../examples/demo/happening.ts";
import { type Terms, verdicts } from "../../examples/demo/promises.ts";
import { bounds, cast } from "../../examples/demo/script.ts";
import { marbles } from "../support/marbles.ts";

describe("the call of the demo, in virtual time", () => {
  const names = cast.map(({ name }) => name);

  function play(hangUp$: Observable<unknown>, flush: () => void) {
    const call = prepareCall(hangUp$);
    const happenings: Happening[] = [];
    let endTs: number | undefined;
    call.happening$.subscribe({
      next: (happening) => happenings.push(happening),
      complete: () => (endTs = asyncScheduler.now()),
    });
    flush();
    const broken = (terms: Pick<Terms, "cast">) =>
      verdicts(happenings, { ...bounds, ...call.leftovers(), ...terms }).filter(({ kept }) => !kept);
    return { happenings, broken, endTs };
  }

  test(
    "keeps every promise, and makes new keys when somebody comes late or goes",
    marbles(({ flush }) => {
      const { happenings, broken, endTs } = play(NEVER, flush);
      expect(broken({ cast: names })).toEqual([]);
      const made = happenings.flatMap((it) =>
        it.kind === "key-made" ? [`${it.who} ${it.keyIndex} ${it.reason}`] : [],
      );
      expect(made).toEqual([
        "alice 0 first",
        "bob 0 first",
        "carl 0 first",
        "alice 1 join",
        "bob 1 join",
        "alice 2 leave",
        "bob 2 leave",
        "alice 3 leave",
      ]);
      expect(endTs).toBeLessThan(20_000);
    }),
  );

  test.each([50, 150, 1_600, 5_600, 9_050, 11_600, 15_000])("ends well if all hang up after %d ms", (ms) =>
    marbles(({ flush, hot }) => {
      const { broken, happenings, endTs } = play(hot(`${ms}ms h`), flush);
      expect(broken({ cast: [] })).toEqual([]);
      const wasKilled = happenings.some(({ kind }) => kind === "killed");
      expect(endTs! - ms).toBeLessThan(wasKilled ? bounds.killedGoneMs : 500);
    })(),
  );
});
