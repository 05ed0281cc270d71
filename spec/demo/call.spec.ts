import { asyncScheduler, NEVER, type Observable } from "rxjs";
import { describe, expect, test } from "vitest";
import { prepareCall } from "../../examples/demo/call.ts";
import type { CallEvent } from "../../examples/demo/call-event.ts";
import { checks, type Expectations } from "../../examples/demo/checks.ts";
import { bounds, cast } from "../../examples/demo/script.ts";
import { marbles } from "../support/marbles.ts";

describe("The call of the demo, in virtual time", () => {
  const names = cast.map(({ name }) => name);

  function play(hangUp$: Observable<unknown>, flush: () => void) {
    const call = prepareCall(hangUp$);
    const events: CallEvent[] = [];
    let endTs: number | undefined;
    call.event$.subscribe({
      next: (event) => events.push(event),
      complete: () => (endTs = asyncScheduler.now()),
    });
    flush();
    const broken = (expected: Pick<Expectations, "cast">) =>
      checks(events, { ...bounds, ...call.leftovers(), ...expected }).filter(({ holds }) => !holds);
    return { events, broken, endTs };
  }

  test(
    "keeps every rule, and makes new keys when a member joins late or leaves",
    marbles(({ flush }) => {
      const { events, broken, endTs } = play(NEVER, flush);
      expect(broken({ cast: names })).toEqual([]);
      const made = events.flatMap((it) => (it.kind === "key-made" ? [`${it.member} ${it.keyIndex} ${it.reason}`] : []));
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
      const { broken, events, endTs } = play(hot(`${ms}ms h`), flush);
      expect(broken({ cast: [] })).toEqual([]);
      const wasKilled = events.some(({ kind }) => kind === "killed");
      expect(endTs! - ms).toBeLessThan(wasKilled ? bounds.killedGoneMs : 500);
    })(),
  );
});
