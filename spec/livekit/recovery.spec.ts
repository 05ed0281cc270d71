// LiveKit does not report a recovery. The amount of decrypted media shows it.
import { of } from "rxjs";
import { describe, it } from "vitest";
import { withRecovery } from "../../src/livekit/recovery.ts";
import { marbles } from "../support/marbles.ts";
import type { DecryptionReport } from "../../src/types.ts";

const reports: Record<string, DecryptionReport> = {
  b: { participantIdentity: "bob", result: "missing-key", keyIndex: 1 },
  B: { participantIdentity: "bob", result: "ok" },
  c: { participantIdentity: "carl", result: "invalid-key" },
  C: { participantIdentity: "carl", result: "ok" },
};

type Look = Readonly<Record<string, number>>;

/** The result of each check of a participant. Undefined once it is gone. */
const looks = (media: Readonly<Record<string, readonly Look[]>>) => {
  const left = new Map(Object.entries(media).map(([identity, found]) => [identity, found.values()]));
  return (identity: string) => {
    const found = left.get(identity)?.next().value;
    return of(found && new Map(Object.entries(found)));
  };
};

describe("a report of decryption trouble", () => {
  it(
    "is followed by ok when two checks in a row find more decrypted media",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("-b", reports);
      const media = [5, 5, 6, 6, 7, 8].map((video) => ({ audio: 9, video }));
      const all$ = trouble$.pipe(withRecovery(looks({ bob: media })));
      expectObservable(all$, "9s !").toBe("-b 3499ms B", reports);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 8999ms !");
    }),
  );

  it(
    "is not followed by ok for media that was decrypted before and left the jitter buffers only now",
    marbles(({ cold, expectObservable }) => {
      const media = [40, 45, 45, 45].map((audio) => ({ audio }));
      expectObservable(cold("b", reports).pipe(withRecovery(looks({ bob: media })))).toBe("b", reports);
    }),
  );

  it(
    "is not followed by ok for a new stream, an overlooked stream, or a stream that counts from 0 again",
    marbles(({ cold, expectObservable }) => {
      const media = [{ audio: 4 }, { audio: 4, video: 7 }, { video: 7 }, { audio: 4 }, { audio: 0 }, { audio: 5 }];
      expectObservable(cold("b", reports).pipe(withRecovery(looks({ bob: media })))).toBe("b", reports);
    }),
  );

  it(
    "is not checked any more once the participant is gone",
    marbles(({ cold, expectObservable }) => {
      const all$ = cold("b 1500ms |", reports).pipe(withRecovery(looks({ bob: [{ audio: 40 }] })));
      expectObservable(all$).toBe("b 1500ms |", reports);
    }),
  );

  it(
    "is checked from the beginning when it is repeated, and separately for each participant",
    marbles(({ cold, expectObservable }) => {
      const growing = [1, 2, 3, 4, 5].map((audio) => ({ audio }));
      const all$ = cold("              b-c 1700ms b", reports).pipe(
        withRecovery(looks({ bob: growing, carl: growing })),
      );
      expectObservable(all$, "9s !").toBe("b-c 1700ms b 298ms C 1700ms B", reports);
    }),
  );

  it(
    "is not checked without subscribers",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("b", reports);
      const media = { bob: [{ audio: 1 }, { audio: 2 }, { audio: 3 }] };
      expectObservable(trouble$.pipe(withRecovery(looks(media))), "1700ms !").toBe("b", reports);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 1699ms !");
    }),
  );
});
