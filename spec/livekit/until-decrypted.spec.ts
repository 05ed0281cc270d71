// LiveKit does not tell when it can decrypt again: the media that it has decrypted does.
import { of } from "rxjs";
import { describe, it } from "vitest";
import type { Decryption } from "../../src/keys/trace.ts";
import { untilDecrypted } from "../../src/livekit/until-decrypted.ts";
import { marbles } from "../support/marbles.ts";

const told: Record<string, Decryption> = {
  b: { participantIdentity: "bob", result: "missing-key", keyIndex: 1 },
  B: { participantIdentity: "bob", result: "ok" },
  c: { participantIdentity: "carl", result: "invalid-key" },
  C: { participantIdentity: "carl", result: "ok" },
};

/** What each look at a participant finds; nothing once it is gone. */
const looks = (media: Readonly<Record<string, readonly number[]>>) => {
  const left = new Map(Object.entries(media).map(([identity, amounts]) => [identity, amounts.values()]));
  return (identity: string) => of(left.get(identity)?.next().value);
};

describe("trouble with decrypting", () => {
  it(
    "is over when more is decrypted at one look than at the one before",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("-b", told);
      const all$ = trouble$.pipe(untilDecrypted(looks({ bob: [40, 40, 40, 52] })));
      expectObservable(all$, "9s !").toBe("-b 1999ms B", told);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 8999ms !");
    }),
  );

  it(
    "is not over by what was decrypted before the first look, nor by a new connection that counts from 0",
    marbles(({ cold, expectObservable }) => {
      const all$ = cold("b", told).pipe(untilDecrypted(looks({ bob: [40, 40, 0, 0, 5, 9] })));
      expectObservable(all$, "9s !").toBe("b 2499ms B", told);
    }),
  );

  it(
    "is not looked after any more once the participant is gone",
    marbles(({ cold, expectObservable }) => {
      const all$ = cold("b 1s |", told).pipe(untilDecrypted(looks({ bob: [40] })));
      expectObservable(all$).toBe("b 1s |", told);
    }),
  );

  it(
    "is watched anew when it comes again, and for each participant alone",
    marbles(({ cold, expectObservable }) => {
      const trouble$ = cold("b-c 700ms b", told);
      const all$ = trouble$.pipe(untilDecrypted(looks({ bob: [1, 2, 3], carl: [1, 2] })));
      expectObservable(all$, "9s !").toBe("b-c 700ms b 298ms C 700ms B", told);
    }),
  );

  it(
    "is not watched once nobody listens",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("b", told);
      expectObservable(trouble$.pipe(untilDecrypted(looks({ bob: [1, 2] }))), "700ms !").toBe("b", told);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 699ms !");
    }),
  );
});
