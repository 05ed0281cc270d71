import { BehaviorSubject, type Observable, of, Subject, tap, throwError } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ParticipantTrack } from "../../src/media/participant.ts";
import { playSound } from "../../src/media/play-sound.ts";
import type { SoundState } from "../../src/media/sound-player.ts";
import { marbles } from "../support/marbles.ts";

/** A target that counts its listeners. */
class FakeTarget extends EventTarget {
  listeners = 0;

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners += 1;
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners -= 1;
    super.removeEventListener(...args);
  }
}

interface FakeAudio extends FakeTarget {
  paused: boolean;
  isConnected: boolean;
  volume: number;
  srcObject: { readonly tracks: readonly unknown[] } | null;
}

/** What `play` answers, and what `setSinkId` answers for an id. Absent: the browser cannot choose a speaker. */
interface Browser {
  readonly play?: () => Observable<unknown>;
  readonly setSinkId?: (id: string) => Observable<unknown>;
}

/** A page with elements that play at once, unless the browser answers something else. Emissions come in the virtual time of marbles. */
function fakePage({ play = () => of(undefined), setSinkId }: Browser = {}) {
  const page = new FakeTarget();
  const elements: FakeAudio[] = [];
  const plays: string[] = [];
  const sinks: string[] = [];
  class Element extends FakeTarget implements FakeAudio {
    paused = true;
    isConnected = false;
    volume = 1;
    srcObject: FakeAudio["srcObject"] = null;

    constructor() {
      super();
      elements.push(this);
      if (!setSinkId) return;
      const use = (id: string) => {
        sinks.push(id);
        return setSinkId(id);
      };
      Object.assign(this, { setSinkId: use });
    }

    play(): Observable<unknown> {
      plays.push(String(this.srcObject?.tracks));
      return play().pipe(tap(() => (this.paused = false)));
    }

    remove(): void {
      this.isConnected = false;
    }
  }
  class Stream {
    readonly tracks: readonly unknown[];

    constructor(tracks: readonly unknown[]) {
      this.tracks = tracks;
    }
  }
  const append = (element: FakeAudio) => void (element.isConnected = true);
  vi.stubGlobal("Audio", Element);
  vi.stubGlobal("MediaStream", Stream);
  vi.stubGlobal("document", Object.assign(page, { body: { append } }));
  const heard = () => elements.flatMap(({ isConnected, srcObject }) => (isConnected ? (srcObject?.tracks ?? []) : []));
  return { page, elements, plays, sinks, heard: () => heard().join() };
}

const track = (name: string, readyState = "live") =>
  ({ readyState, toString: () => name }) as unknown as MediaStreamTrack;
const voice = track("voice");

const participant = (isLocal: boolean, ...tracks: readonly ParticipantTrack[]) => ({
  isLocal,
  tracks$: new BehaviorSubject<readonly ParticipantTrack[]>(tracks),
});
const microphone = (name: string, muted = false): ParticipantTrack => ({
  source: "microphone",
  muted,
  track: track(name),
});

const error = (name: string) => throwError(() => Object.assign(new Error(name), { name }));
const words = ({ status, outputFailure }: SoundState) => `${status}${outputFailure ? ` (${outputFailure})` : ""}`;
const seenOf = (states$: Observable<SoundState>) => {
  const seen: string[] = [];
  return { seen, listening: states$.subscribe((state) => seen.push(words(state))) };
};

/** States as letters. */
const states = { s: "silent", p: "playing", b: "blocked", f: "failed" } as const;
const drawn = Object.fromEntries(Object.entries(states).map(([letter, status]) => [letter, { status }]));

afterEach(() => void vi.unstubAllGlobals());

describe("Sound", () => {
  it("is heard while it is subscribed to, and nothing of it is left", () => {
    const { page, elements, heard } = fakePage();
    const { seen, listening } = seenOf(playSound(voice));
    expect([seen, heard()]).toEqual([["playing"], "voice"]);
    expect(page.listeners).toBeGreaterThan(0);
    listening.unsubscribe();
    expect(elements.map(({ srcObject, isConnected, listeners }) => [srcObject, isConnected, listeners])).toEqual([
      [null, false, 0],
      [null, false, 0],
    ]);
    expect(page.listeners).toBe(0);
  });

  it("follows a stream of tracks in one element, and is silent without a track and after an error of the stream", () => {
    const { elements, heard } = fakePage();
    const sound$ = new Subject<MediaStreamTrack | undefined>();
    const { seen, listening } = seenOf(playSound(sound$));
    const heardNow = [voice, voice, undefined, track("other")].map((one) => (sound$.next(one), heard()));
    sound$.error(new Error("no"));
    expect(heardNow).toEqual(["voice", "voice", "", "other"]);
    expect(seen).toEqual(["silent", "playing", "silent", "playing", "silent"]);
    expect(heard()).toBe("");
    expect(elements).toHaveLength(2);
    listening.unsubscribe();
  });

  it("comes from the microphone and the screen of a participant, unless they are muted", () => {
    const { heard } = fakePage();
    const alice = participant(false, microphone("voice"));
    const { seen, listening } = seenOf(playSound(alice));
    const film: ParticipantTrack = { source: "screen_share_audio", muted: false, track: track("film") };
    const camera: ParticipantTrack = { source: "camera", muted: false, track: track("picture") };
    const values = [
      [microphone("voice"), camera, film],
      [microphone("voice", true), film],
      [microphone("voice", true)],
    ];
    const heardNow = values.map((value) => (alice.tracks$.next(value), heard()));
    expect(heardNow).toEqual(["voice,film", "film", ""]);
    expect(seen.at(-1)).toBe("silent");
    listening.unsubscribe();
  });

  it("of ourselves is never heard", () => {
    const { heard } = fakePage();
    const { seen, listening } = seenOf(playSound(participant(true, microphone("voice"))));
    expect([seen, heard()]).toEqual([["silent"], ""]);
    listening.unsubscribe();
  });

  it("goes on without a gap when another item of the same member has the same track", () => {
    const { plays } = fakePage();
    const said = microphone("voice");
    const alice$ = new BehaviorSubject(participant(false, said));
    const { listening } = seenOf(playSound(alice$));
    alice$.next(participant(false, { ...said }));
    expect(plays).toEqual(["voice"]);
    listening.unsubscribe();
  });

  it("fails as a value where the platform has no sound", () => {
    const { seen, listening } = seenOf(playSound(voice));
    expect(seen).toEqual(["failed"]);
    listening.unsubscribe();
  });
});

/** Answers of `play`, in order: `p` plays, `n` may not, `x` cannot. The last one is given again. */
function answers(letters: string): () => Observable<unknown> {
  const outcomes: Record<string, Observable<unknown>> = {
    p: of(undefined),
    n: error("NotAllowedError"),
    x: error("NotSupportedError"),
  };
  let at = 0;
  return () => outcomes[letters[Math.min(at++, letters.length - 1)]!]!;
}

describe("Sound that the browser does not play", () => {
  /** What happens in the page: a click, a key, a pause that the browser makes. */
  const happen = ({ hot }: RunHelpers, { page, elements }: ReturnType<typeof fakePage>, line: string) => {
    const events: Readonly<Record<string, () => void>> = {
      c: () => page.dispatchEvent(new Event("click")),
      k: () => page.dispatchEvent(new Event("keydown")),
      P: () => (elements[0]!.paused = true),
    };
    hot(line).subscribe((letter) => events[letter]!());
  };

  it(
    "before a click is blocked, and tried again at each click or key until it plays",
    marbles((helpers) => {
      const fake = fakePage({ play: answers("nnp") });
      happen(helpers, fake, "    --k---c-c--");
      const subscription = "     ^---------!";
      const expected = "         b-----p---";
      helpers.expectObservable(playSound(voice), subscription).toBe(expected, drawn);
      helpers.flush();
      expect(fake.plays).toHaveLength(3);
    }),
  );

  it(
    "before a microphone is open is blocked, and tried again every second",
    marbles((helpers) => {
      const fake = fakePage({ play: answers("nnp") });
      const subscription = "^ 1000ms - 1000ms - 1000ms -!";
      const expected = "    b 999ms  - 999ms p";
      helpers.expectObservable(playSound(voice), subscription).toBe(expected, drawn);
      helpers.flush();
      expect(fake.plays).toHaveLength(3);
    }),
  );

  it(
    "for another reason has failed, and is tried again at the next click",
    marbles((helpers) => {
      happen(helpers, fakePage({ play: answers("xp") }), "------c--");
      const subscription = "                               ^-------!";
      const expected = "                                   f-----p--";
      helpers.expectObservable(playSound(voice), subscription).toBe(expected, drawn);
    }),
  );

  it(
    "because the browser has paused it goes on by itself within a second, or is blocked until a click",
    marbles((helpers) => {
      const fake = fakePage({ play: answers("ppnp") });
      happen(helpers, fake, "    ----P 1000ms -P 1000ms --c--");
      const subscription = "     ^ 1999ms ------------!";
      const expected = "         p 1999ms b--------p---";
      helpers.expectObservable(playSound(voice), subscription).toBe(expected, drawn);
      helpers.flush();
      expect(fake.plays).toHaveLength(4);
    }),
  );

  it(
    "because its track has ended is silent",
    marbles((helpers) => {
      const ending = { ...voice, readyState: "live" };
      happen(helpers, fakePage(), "----P--------");
      helpers.cold("              ----e").subscribe(() => (ending.readyState = "ended"));
      const subscription = "       ^ 1000ms --!";
      const expected = "           p 999ms s--";
      helpers.expectObservable(playSound(ending as MediaStreamTrack), subscription).toBe(expected, drawn);
    }),
  );

  it(
    "while the browser still thinks about it is silent, and a click does not disturb it",
    marbles((helpers) => {
      const fake = fakePage({ play: () => (started(), helpers.cold("-----a|")) });
      const started = () => (fake.elements[0]!.paused = false);
      happen(helpers, fake, "    --c------");
      const subscription = "     ^-------!";
      const expected = "         s----p---";
      helpers.expectObservable(playSound(voice), subscription).toBe(expected, drawn);
    }),
  );
});

describe("The speaker of sound", () => {
  it(
    "can be chosen and changed; a failure is a value, and the default one is used then",
    marbles((helpers) => {
      const outcomes: Record<string, Observable<unknown>> = {
        gone: helpers.cold("--#", undefined, Object.assign(new Error(), { name: "NotFoundError" })),
      };
      const { sinks } = fakePage({ setSinkId: (id) => outcomes[id] ?? helpers.cold("-a|") });
      const output$ = helpers.hot("--h---g----h----", { h: "headset", g: "gone" });
      const subscription = "       ^--------------!";
      const expected = "           p-------x---p----";
      const values = { ...drawn, x: { status: "playing", outputFailure: "not-found" } };
      helpers.expectObservable(playSound(track("voice"), { output: output$ }), subscription).toBe(expected, values);
      helpers.flush();
      // Each participant has two players.
      expect(sinks.filter((_, at) => at % 2 === 0)).toEqual(["headset", "gone", "", "headset"]);
    }),
  );

  it(
    "is the last one that was chosen, also if an earlier choice fails later",
    marbles((helpers) => {
      const { sinks } = fakePage({ setSinkId: (id) => (id === "slow" ? helpers.cold("-----#") : of(undefined)) });
      const output$ = helpers.hot("--s-h-------", { s: "slow", h: "headset" });
      const subscription = "       ^----------!";
      const expected = "           p-----------";
      helpers.expectObservable(playSound(voice, { output: output$ }), subscription).toBe(expected, drawn);
      helpers.flush();
      expect(sinks).toEqual(["slow", "slow", "headset", "headset"]);
    }),
  );

  it.each([
    ["", "playing"],
    ["headset", "playing (unsupported)"],
  ])("is the default one in browsers without a choice: %j is %s", (output, expected) => {
    fakePage();
    const { seen, listening } = seenOf(playSound(voice, { output }));
    expect(seen.at(-1)).toBe(expected);
    listening.unsubscribe();
  });

  it("is chosen before the sound begins", () => {
    const order: string[] = [];
    fakePage({
      play: () => of(order.push("plays")),
      setSinkId: (id) => of(order.push(id)),
    });
    const { listening } = seenOf(playSound(voice, { output: "headset" }));
    expect(order.slice(0, 2)).toEqual(["headset", "plays"]);
    listening.unsubscribe();
  });
});

describe("The volume of sound", () => {
  it.each([
    [0.5, 0.5],
    [7, 1],
    [-1, 0],
    [Number.NaN, 0],
  ])("%d is %d of the element", (volume, expected) => {
    const { elements } = fakePage();
    const { seen, listening } = seenOf(playSound(voice, { volume }));
    expect([seen.at(-1), elements[0]!.volume]).toEqual(["playing", expected]);
    listening.unsubscribe();
  });

  it("can be a stream, whose error changes nothing, and that of the output neither", () => {
    const { elements, heard } = fakePage({ setSinkId: () => of(undefined) });
    const [volume$, output$] = [new BehaviorSubject(0.2), new BehaviorSubject("headset")];
    const { seen, listening } = seenOf(playSound(voice, { volume: volume$, output: output$ }));
    volume$.next(0.4);
    volume$.error(new Error("no"));
    output$.error(new Error("no"));
    expect([seen, elements[0]!.volume, heard()]).toEqual([["playing"], 0.4, "voice"]);
    listening.unsubscribe();
  });
});
