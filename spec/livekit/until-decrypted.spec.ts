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
    "is over when more is decrypted at one look than at the one before",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("-b", told);
      const media = [
        { audio: 9, video: 5 },
        { audio: 9, video: 5 },
        { audio: 9, video: 6 },
      ];
      const all$ = trouble$.pipe(untilDecrypted(looks({ bob: media })));
      expectObservable(all$, "9s !").toBe("-b 1999ms B", told);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 8999ms !");
    }),
  );

  it(
    "is not over by what was decrypted before the first look",
    marbles(({ cold, expectObservable }) => {
      const all$ = cold("b", told).pipe(untilDecrypted(looks({ bob: [{ audio: 40 }, { audio: 40 }] })));
      expectObservable(all$).toBe("b", told);
    }),
  );

  it(
    "is not over by a stream that is new, nor by one that was overlooked, nor by one that counts from 0 again",
    marbles(({ cold, expectObservable }) => {
      const media = [{ audio: 40 }, { audio: 40, video: 7 }, { video: 7 }, { audio: 40 }, { audio: 0 }, { audio: 5 }];
      const all$ = cold("b", told).pipe(untilDecrypted(looks({ bob: media })));
      expectObservable(all$).toBe("b 3499ms B", told);
    }),
  );

  it(
    "is not looked after any more once the participant is gone",
    marbles(({ cold, expectObservable }) => {
      const all$ = cold("b 1500ms |", told).pipe(untilDecrypted(looks({ bob: [{ audio: 40 }] })));
      expectObservable(all$).toBe("b 1500ms |", told);
    }),
  );

  it(
    "is watched anew when it comes again, and for each participant alone",
    marbles(({ cold, expectObservable }) => {
      const media = { bob: [{ audio: 1 }, { audio: 2 }, { audio: 3 }], carl: [{ audio: 1 }, { audio: 2 }] };
      const all$ = cold("              b-c 1200ms b", told).pipe(untilDecrypted(looks(media)));
      expectObservable(all$, "9s !").toBe("b-c 1200ms b 298ms C 1200ms B", told);
    }),
  );

  it(
    "is not watched once nobody listens",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const trouble$ = cold("b", told);
      const media = { bob: [{ audio: 1 }, { audio: 2 }] };
      expectObservable(trouble$.pipe(untilDecrypted(looks(media))), "1200ms !").toBe("b", told);
      expectSubscriptions(trouble$.subscriptions).toBe("^ 1199ms !");
    }),
  );
});
