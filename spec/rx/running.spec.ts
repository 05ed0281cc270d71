import { map, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { whileSubscribed } from "../../src/rx/running.ts";
import { marbles } from "../support/marbles.ts";

describe("A run that lives while somebody is subscribed", () => {
  it(
    "starts at the first subscription, stops after the last one, and begins again as another run",
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = [];
      let made = 0;
      const call = whileSubscribed(() => {
        const name = `run ${++made}`;
        const changed$ = new Subject<void>();
        return {
          name,
          changed$,
          start: () => void log.push(`${name} starts`),
          stop: () => void log.push(`${name} stops`),
        };
      });
      const change$ = cold("--a-----a", { a: () => call.run?.changed$.next() });
      const names$ = call.running$.pipe(map(() => call.run?.name));
      expectObservable(names$, "^--!      ").toBe("--x      ", { x: "run 1" });
      expectObservable(names$, "-^---!    ").toBe("--x      ", { x: "run 1" });
      expectObservable(names$, "-------^-!").toBe("--------x", { x: "run 2" });
      change$.subscribe((act) => act());
      flush();
      expect(log).toEqual(["run 1 starts", "run 1 stops", "run 2 starts", "run 2 stops"]);
      expect(call.run).toBeUndefined();
    }),
  );
});
