// Play: whole calls as lines of letters, one line for each device.
import {
  BehaviorSubject,
  distinctUntilChanged,
  EMPTY,
  map,
  merge,
  Observable,
  ReplaySubject,
  Subject,
  switchMap,
  timer,
} from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { RtcError } from "../../errors.ts";
import type { Matrix } from "../../matrix.ts";
import type { EncryptedJoinOptions } from "../../encryption/join-with-keys.ts";
import { type EncryptedSession, encryptedSession } from "../../encryption/encrypted-session.ts";
import { keyName, memberNames, stateName } from "../marble-names.ts";
import { tileNames, type VirtualSfu, virtualSfu } from "../sfu/virtual-sfu.ts";
import { noteActs, type PlayedAct } from "./played-acts.ts";
import { named } from "./stream-names.ts";
import { type Leftovers, runOn, type VirtualDevice } from "../virtual-device.ts";
import { type VirtualHomeserver, virtualHomeserver, type VirtualHomeserverOptions } from "../virtual-homeserver.ts";

/** One device of a play, and what it sees, in words. */
export interface Actor {
  readonly device: VirtualDevice;
  /** The session of its page that runs now. After a reload it is another one. */
  readonly session: EncryptedSession;
  /** That session, and each one after a reload: for streams of your own that go on after it. */
  readonly session$: Observable<EncryptedSession>;
  /** The members that it sees, as `memberNames` writes them. */
  readonly members$: Observable<string>;
  /** The media keys that it installs, as `keyName` writes them, while it is in the call. */
  readonly keys$: Observable<string>;
  /**
   * The states of its joins, as `stateName` writes them; then `left`, or `failed:` and the code of the error. The last one
   * comes first.
   */
  readonly state$: Observable<string>;
  /** The tiles that it shows, as `tileNames` writes them. */
  readonly tiles$: Observable<string>;
}

/** A call on a homeserver in memory, with its SFU. */
export interface Stage {
  readonly home: VirtualHomeserver;
  readonly sfu: VirtualSfu;
  /** The room and the slot of the call. */
  readonly call: { readonly roomId: string; readonly slot: string };
  /** Emits once, after the end: what is left of all devices, such as `1 timer`, or `nothing`. */
  readonly left$: Observable<string>;
}

/** How to stage a play. */
export interface PlayOptions {
  /** The options of each join, or of the joins of one actor. */
  readonly join?: EncryptedJoinOptions | ((name: string) => EncryptedJoinOptions);
  /** Whether the room is encrypted. Default true. */
  readonly encrypted?: boolean;
  /** Whether the SFU restarts the delayed leaves, instead of the devices. Default false. */
  readonly delegated?: boolean;
  /** Changes the port of each page, for example into a port of your own that uses it. */
  readonly port?: (matrix: VirtualDevice["matrix"], name: string) => Matrix;
  /** How the homeserver behaves. Default: a request takes 2 ms each way, a sync 1 ms. */
  readonly home?: VirtualHomeserverOptions;
  /** How long the play goes on after its last letter. Then everybody leaves. Default 60,000. */
  readonly lastsMs?: number;
  /** Letters of your own, and what they do. */
  readonly acts?: Readonly<Record<string, (actor: Actor, stage: Stage) => void>>;
}

/** What starts lines in virtual time: the helpers of `marbles`, of `TestScheduler.run` or of `rxjs-marbles`. */
export interface ColdMarbles {
  cold(marbles: string): Observable<unknown>;
}

/**
 * Plays a call. Each actor has a line: marbles whose letters are what the actor does.
 *
 * | letter | what the actor does                                                  |
 * | ------ | -------------------------------------------------------------------- |
 * | `j`    | joins the call                                                       |
 * | `l`    | leaves it                                                            |
 * | `k`    | dies, and sends nothing                                              |
 * | `r`    | reloads the page, and joins again                                    |
 * | `s`    | sleeps: timers and network stop                                      |
 * | `w`    | wakes                                                                |
 * | `x`    | loses the network                                                    |
 * | `o`    | is online again                                                      |
 *
 * The line `server` has letters of its own: `d` it goes down, `u` it is up again.
 *
 * A name is a user, `@alice:example.org`, with the device `PHONE`; `alice/LAPTOP` is another device. All users are in the
 * room from the start. A minute after the last letter, everybody who is still in the call leaves, so a test always ends.
 *
 * @throws RtcError `bad-argument` for a letter that means nothing.
 * @example
 * ```ts
 * import { marbles, play } from "matrixrtc-rx/testing";
 *
 * const test = marbles((m) => {
 *   const { alice, bob } = play(m, {
 *     alice: "j 119s l",
 *     bob: "  1s j 29s l",
 *     carl: " 2s j 37s k",
 *   });
 *   m.expect(bob.members$, "^ 10s !").toEmit('0 ""', "11ms alice", "1.011s alice bob", "2.011s alice bob carl");
 *   m.expect(alice.tiles$, "^ 30s !").toEmit(
 *     '0 ""',
 *     "1.011s bob(missing-key)",
 *     "1.014s bob",
 *     "2.011s bob carl(missing-key)",
 *     "2.014s bob carl",
 *     "30.001s carl",
 *   );
 * });
 * test();
 * ```
 */
export function play<Name extends string>(
  m: ColdMarbles,
  lines: Readonly<Record<Name, string>>,
  options: PlayOptions = {},
): Stage & Readonly<Record<Exclude<Name, "server">, Actor>> {
  const { encrypted = true, delegated = false, lastsMs = 60_000, acts = {} } = options;
  const { port = (matrix) => matrix } = options;
  const drawn = Object.entries<string>(lines);
  const names = drawn.map(([name]) => name).filter((name) => name !== "server");
  for (const name of names)
    if (reserved.includes(name)) throw new RtcError("bad-argument", `${name} is not a name for an actor`);

  const home = virtualHomeserver({ latencyMs: 2, syncMs: 1, ...options.home });
  const sfu = virtualSfu(home);
  const members = [...new Set(names.map((name) => deviceNamed(name).userId))];
  const call = { roomId: home.createRoom({ members, encrypted }), slot: "m.call#ROOM" };
  const left$ = new ReplaySubject<string>(1);
  const stage: Stage = { home, sfu, call, left$ };
  const performers = names.map((name) => {
    const join = typeof options.join === "function" ? options.join(name) : options.join;
    return new Performer(name, stage, { ...join }, { isDelegated: delegated, port });
  });

  for (const [name, line] of drawn) {
    const performer = performers.find((one) => one.name === name);
    const known: Readonly<Record<string, (() => void) | undefined>> = performer ? performer.acts : serverActs(home);
    const own = Object.entries(acts).map(
      ([letter, act]) => [letter, () => performer && act(performer, stage)] as const,
    );
    const all = { ...known, ...Object.fromEntries(own) };
    for (const letter of lettersIn(line)) {
      if (all[letter]) continue;
      const message = `the line of ${name} has the letter ${letter}, which means nothing; known are`;
      const hint = hours.test(line) ? ". Marbles have no hours: write 60m" : "";
      throw new RtcError("bad-argument", `${message} ${Object.keys(all).join(" ")}${hint}`);
    }
    noteActs(m, actsIn(name, line));
    m.cold(line).subscribe((letter) => all[String(letter)]?.());
  }

  const endMs = Math.max(0, ...drawn.map(([, line]) => lastFrameOf(line))) + lastsMs;
  timer(endMs).subscribe(() => {
    for (const performer of performers) performer.finish();
  });
  timer(endMs + farewellMs).subscribe(() => {
    left$.next(leftoverNames(home.leftovers()));
    left$.complete();
  });
  const actors = Object.fromEntries(performers.map((performer) => [performer.name, performer]));
  return { ...stage, ...actors } as Stage & Readonly<Record<Exclude<Name, "server">, Actor>>;
}

const reserved = ["home", "sfu", "call", "left$"];
/** The time that leaves get at the end. A leave without an answer takes up to 30 s. */
const farewellMs = 60_000;

const deviceNamed = (name: string) => {
  const [user = "", deviceId = "PHONE"] = name.split("/");
  return { userId: `@${user}:example.org`, deviceId };
};

const serverActs = (home: VirtualHomeserver) => ({ d: () => home.stop(), u: () => home.start() });

const parsed = (line: string) => TestScheduler.parseMarbles(line, undefined, undefined, false, true);
const lettersIn = (line: string): string[] =>
  parsed(line).flatMap(({ notification }) => (notification.kind === "N" ? [String(notification.value)] : []));
const actsIn = (name: string, line: string): PlayedAct[] =>
  parsed(line).flatMap(({ frame: atMs, notification }) =>
    notification.kind === "N" ? [{ atMs, name, letter: String(notification.value) }] : [],
  );
const hours = /(?:^|\s)\d+(?:\.\d+)?h(?:\s|$)/;
const lastFrameOf = (line: string): number => parsed(line).at(-1)?.frame ?? 0;

/** How an actor reaches the server. */
interface Means {
  readonly isDelegated: boolean;
  readonly port: NonNullable<PlayOptions["port"]>;
}

/** An actor who can perform its letters. */
class Performer implements Actor {
  readonly name: string;
  readonly device: VirtualDevice;
  readonly session$: Observable<EncryptedSession>;
  readonly members$: Observable<string>;
  readonly keys$: Observable<string>;
  readonly state$: Observable<string>;
  readonly tiles$: Observable<string>;
  readonly #stage: Stage;
  readonly #port: Means["port"];
  readonly #options: EncryptedJoinOptions;
  readonly #session$: BehaviorSubject<EncryptedSession>;
  readonly #states$ = new ReplaySubject<string>(1);
  readonly #hangUp$ = new Subject<void>();
  #isIn = false;

  constructor(name: string, stage: Stage, options: EncryptedJoinOptions, { isDelegated, port }: Means) {
    const { userId, deviceId } = deviceNamed(name);
    this.name = name;
    this.device = stage.home.device(userId, deviceId);
    this.#stage = stage;
    this.#port = port;
    this.#options = { ...options, ...(isDelegated && { delegate: stage.sfu.delegate(this.device) }) };
    this.#session$ = new BehaviorSubject(this.#open());
    this.session$ = this.#session$.asObservable();
    const seen = <T>(stream: (session: EncryptedSession) => Observable<T>, word: (value: T) => string) =>
      this.#session$.pipe(
        switchMap((session) => stream(session).pipe(runOn(this.device), map(word))),
        distinctUntilChanged(),
      );
    const keys$ = this.#session$.pipe(
      switchMap(({ encryptionKey$ }) => encryptionKey$.pipe(runOn(this.device), map(keyName))),
    );
    const tiles$ = stage.sfu.tiles$(this.device).pipe(map(tileNames), distinctUntilChanged());
    this.members$ = named(
      seen(({ membership$ }) => membership$, memberNames),
      `${name}.members$`,
    );
    this.keys$ = named(keys$, `${name}.keys$`);
    this.state$ = named(this.#states$.pipe(distinctUntilChanged()), `${name}.state$`);
    this.tiles$ = named(tiles$, `${name}.tiles$`);
  }

  get session(): EncryptedSession {
    return this.#session$.value;
  }

  readonly acts: Readonly<Record<string, () => void>> = {
    j: () => this.#join(),
    l: () => this.#leave(),
    k: () => this.device.kill(),
    r: () => this.#reload(),
    s: () => this.device.sleep(),
    w: () => this.device.wake(),
    x: () => this.device.goOffline(),
    o: () => this.device.goOnline(),
  };

  /** Leaves, if that is possible. */
  finish(): void {
    const { device } = this;
    if (device.condition.connection === "online" && device.status === "awake") this.#leave();
    else device.kill();
  }

  #open(): EncryptedSession {
    return this.device.run(() => encryptedSession(this.#port(this.device.matrix, this.name), this.#stage.call));
  }

  #join(): void {
    const { session, device } = this;
    const leaveOn = merge(this.#hangUp$, this.#options.leaveOn ?? EMPTY);
    this.#isIn = true;
    session
      .join({ ...this.#options, leaveOn })
      .pipe(this.#stage.sfu.connect(device, session), runOn(device))
      .subscribe({
        next: (state) => this.#states$.next(stateName(state)),
        error: (error: unknown) => this.#over(`failed: ${error instanceof RtcError ? error.code : String(error)}`),
        complete: () => this.#over(device.status === "dead" ? "dead" : "left"),
      });
  }

  #over(word: string): void {
    this.#isIn = false;
    this.#states$.next(word);
  }

  #leave(): void {
    this.device.run(() => this.#hangUp$.next());
  }

  #reload(): void {
    const wasIn = this.#isIn;
    this.device.reload();
    this.#session$.next(this.#open());
    if (wasIn) this.#join();
  }
}

/**
 * What is left in words: `nothing`, or for example `2 timers, 1 delayed event`.
 *
 * @example
 * ```ts
 * import { leftoverNames, virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * console.assert(leftoverNames(virtualHomeserver().leftovers()) === "nothing");
 * ```
 */
export function leftoverNames(leftovers: Leftovers): string {
  const names: readonly (readonly [keyof Leftovers, string])[] = [
    ["timers", "timer"],
    ["listeners", "listener"],
    ["subscriptions", "subscription"],
    ["requests", "request"],
    ["delayedEvents", "delayed event"],
  ];
  const words = names.flatMap(([key, word]) => {
    const count = leftovers[key];
    return count > 0 ? [`${count} ${word}${count === 1 ? "" : "s"}`] : [];
  });
  return words.join(", ") || "nothing";
}
