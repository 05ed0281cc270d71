// LiveKit does not tell when it can decrypt again: the media that it has decrypted does.
import { of } from "rxjs";
import { describe, it } from "vitest";
import { withRecovery } from "../../src/livekit/recovery.ts";
import { marbles } from "../support/marbles.ts";
import type { Decryption } from "../../src/types.ts";

const told: Record<string, Decryption> = {
  b: { participantIdentity: "bob", result: "missing-key", keyIndex: 1 },
  B: { participantIdentity: "bob", result: "ok" },
  c: { participantIdentity: "carl", result: "invalid-key" },
  C: { participantIdentity: "carl", result: "ok" },
};

type Look = Readonly<Record<string, number>>;

/** What each look at a participant finds; nothing once it is gone. */
const looks = (media: Readonly<Record<string, readonly Look[]>>) => {
  const left = new Map(Object.entries(media).map(([identity, found]) => [identity, found.values()]));
  return (identity: string) => {
    const found = left.get(identity)?.next().value;
    return of(found && new Map(Object.entries(found)));
  };
};

describe("trouble with decrypting", () => {
  it(
    "is over when more is decrypted at two looks in a row",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("-b", told);
      const media = [5, 5, 6, 6, 7, 8].map((video) => ({ audio: 9, video }));
      const all$ = trouble$.pipe(withRecovery(looks({ bob: media })));
      expectObservable(all$, "9s !").toBe("-b 3499ms B", told);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 8999ms !");
    }),
  );

  it(
    "is not over by what was decrypted before and has only now left the jitter buffers",
    marbles(({ cold, expectObservable }) => {
      const media = [40, 45, 45, 45].map((audio) => ({ audio }));
      expectObservable(cold("b", told).pipe(withRecovery(looks({ bob: media })))).toBe("b", told);
    }),
  );

  it(
    "is not over by a stream that is new, nor by one that was overlooked, nor by one that counts from 0 again",
    marbles(({ cold, expectObservable }) => {
      const media = [{ audio: 4 }, { audio: 4, video: 7 }, { video: 7 }, { audio: 4 }, { audio: 0 }, { audio: 5 }];
      expectObservable(cold("b", told).pipe(withRecovery(looks({ bob: media })))).toBe("b", told);
    }),
  );

  it(
    "is not looked after any more once the participant is gone",
    marbles(({ cold, expectObservable }) => {
      const all$ = cold("b 1500ms |", told).pipe(withRecovery(looks({ bob: [{ audio: 40 }] })));
      expectObservable(all$).toBe("b 1500ms |", told);
    }),
  );

  it(
    "is watched anew when it comes again, and for each participant alone",
    marbles(({ cold, expectObservable }) => {
      const growing = [1, 2, 3, 4, 5].map((audio) => ({ audio }));
      const all$ = cold("              b-c 1700ms b", told).pipe(
        withRecovery(looks({ bob: growing, carl: growing })),
      );
      expectObservable(all$, "9s !").toBe("b-c 1700ms b 298ms C 1700ms B", told);
    }),
  );

  it(
    "is not watched once nobody listens",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("b", told);
      const media = { bob: [{ audio: 1 }, { audio: 2 }, { audio: 3 }] };
      expectObservable(trouble$.pipe(withRecovery(looks(media))), "1700ms !").toBe("b", told);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 1699ms !");
    }),
  );
});
