// World: Alice joins a call while requests fail, the network goes and comes, and others act; Bob watches, to the end of time.
import fc from "fast-check";
import { asyncScheduler, filter, NEVER, Subject, Subscription, throwError, timer } from "rxjs";
import type { JoinMode } from "../../src/join/options.ts";
import type { JoinState } from "../../src/join/join-state.ts";
import { MatrixError } from "../../src/matrix.ts";
import type { Fault, VirtualRequest } from "../../src/testing/index.ts";
import type { Membership } from "../../src/types.ts";
import type { WakeOrder } from "./sleepy-device.ts";
import { alice, bob, memberType, scene, slot, toTheEnd } from "./scene.ts";

/** Things go wrong until this time, and never later. */
export const troubleMs = 120_000;
/** After this time without trouble everything was tried again: the longest wait is ten minutes. */
const healMs = 700_000;

const kinds = ["not-found", "conflict", "forbidden", "rate-limited", "network", "timeout", "other"] as const;
const refusals = [...kinds, "unsupported", "too-large", "max-delay-exceeded"] as const;

/** How a request fails: refused, lost, or answered so late that nobody waits for it any more. */
export const faults = (errors: readonly MatrixError["kind"][] = kinds): fc.Arbitrary<Fault> => {
  const fail = fc.constantFrom(...errors).map((kind) => new MatrixError(kind, kind));
  return fc.oneof(
    fc.record({ fail }),
    fc.record({ fail, lose: fc.constant("response" as const) }),
    fc.constantFrom<Fault>({ lose: "request" }, { lose: "response" }),
    fc.integer({ min: 1, max: 40_000 }).map((lateMs) => ({ lateMs })),
  );
};
/** Each error that a request may get, without those that end the login. */
export const everyRefusal: readonly MatrixError["kind"][] = refusals;

export const endpoints = ["send", "schedule", "restart", "send-delayed", "cancel", "delayed-events"] as const;

/** From `ts` on, the next `times` requests to an endpoint fail. */
export interface Trouble {
  readonly ts: number;
  readonly request: VirtualRequest["request"];
  readonly fault: Fault;
  readonly times: number;
}

export interface Story {
  readonly mode: JoinMode;
  readonly delegate?: "refuses" | "is silent" | undefined;
  /** How long a request takes to the server, and its answer back. Default 1 ms. */
  readonly latencyMs?: number;
  /** When the user who stays leaves after all. Default: after the longest wait. */
  readonly untilMs?: number;
  /** Alice was in the call before, and has left it by hanging up, or by closing the page. */
  readonly before?: "hung up" | "closed" | undefined;
  readonly openSlot?: boolean;
  readonly wakeOrder?: WakeOrder;
  readonly troubles: readonly Trouble[];
  readonly happenings?: readonly { readonly ts: number; readonly what: Happening }[];
  readonly ending: { readonly how: "stays" | "leaveOn" | "unsubscribes" | "is killed"; readonly ts: number };
}
export const happenings = [
  "delayed leave lost",
  "overwritten",
  "offline",
  "online",
  "down",
  "up",
  "new intent",
] as const;
/** What happens to the user, the room and the device, beside the network. */
export const upheavals = [
  "kicked",
  "back in the room",
  "slot closed",
  "slot opened",
  "asleep",
  "awake",
  "clock back 3 s",
  "clock back an hour",
  "clock forward 20 s",
  "clock forward 5 hours",
] as const;
export type Happening = (typeof happenings | typeof upheavals)[number];

const steps: { readonly [what in Happening]?: number } = {
  "clock back 3 s": -3_000,
  "clock back an hour": -3_600_000,
  "clock forward 20 s": 20_000,
  "clock forward 5 hours": 5 * 3_600_000,
};

/** The device of Alice, as far as the virtual homeserver does not play it. */
export interface Body {
  /** Stops the timers of her page, and what reaches it. */
  sleep(): void;
  wake(): void;
  /** Sets her wall clock. */
  step(ms: number): void;
}
const noBody: Body = { sleep() {}, wake() {}, step() {} };

export const modes: fc.Arbitrary<JoinMode> = fc.constantFrom("legacy", "compatibility", "matrix_2_0");

/** What is known at a moment. */
export interface Snapshot {
  readonly ts: number;
  /** Alice's entries, as Bob sees them. */
  readonly entries: readonly Membership[];
  /** When the server will send the first delayed leave of Alice; one that was delegated is an hour away. */
  readonly leaveDueTs: number;
  readonly state: JoinState | undefined;
}

/** A story, from the join to the end of time. */
export class World {
  /** How and when the join ended by itself: completed, or an error. */
  end: (Snapshot & { readonly how: string }) | undefined;
  /** When the user unsubscribed or died. */
  cut: Snapshot | undefined;
  /** What Bob saw at every change, and at the end of time. */
  readonly snapshots: Snapshot[] = [];
  /** Whether the last join says that its leave is confirmed. */
  get isConfirmed(): boolean {
    const last = this.#call.trace.findLast(({ kind }) => kind === "leave-ended");
    return last?.kind === "leave-ended" && last.confirmed;
  }
  /** How many events with a membership of Alice there were. */
  writes = 0;
  /** A minute after the last trouble, and when all had been well for long enough. */
  calm: Snapshot | undefined;
  healed: Snapshot | undefined;

  readonly #story: Story;
  readonly #body: Body;
  readonly #intent$ = new Subject<string>();
  #call: ReturnType<typeof scene>;
  #state: JoinState | undefined;
  #entries: readonly Membership[] = [];
  #isAlive = true;

  constructor(story: Story, body: Body = noBody) {
    this.#story = story;
    this.#body = body;
    this.#call = scene();
    toTheEnd(() => this.#begin());
  }

  seenAt(ts: number): readonly Membership[] {
    return this.snapshots.findLast((snapshot) => snapshot.ts <= ts)?.entries ?? [];
  }

  /** The longest time in which Bob did not see Alice, after he had seen her and before an end of the join. */
  get longestAbsenceMs(): number {
    const untilTs = Math.min(this.end?.ts ?? Infinity, this.cut?.ts ?? Infinity, this.healed?.ts ?? Infinity);
    let goneTs: number | undefined;
    let longestMs = 0;
    let wasSeen = false;
    for (const { ts, entries } of this.snapshots) {
      if (goneTs !== undefined) longestMs = Math.max(longestMs, Math.min(ts, untilTs) - goneTs);
      wasSeen ||= entries.length > 0;
      goneTs = wasSeen && entries.length === 0 && ts < untilTs ? ts : undefined;
    }
    return longestMs;
  }

  #begin(): void {
    const { troubles, happenings: acts = [], ending, latencyMs = 1, untilMs = troubleMs * 2 + healMs } = this.#story;
    this.#call = scene({ latencyMs });
    const { home, membership$ } = this.#call;
    for (const trouble of troubles) this.#at(trouble.ts, () => this.#trouble(trouble));
    for (const { ts, what } of acts) this.#at(ts, () => this.#happen(what));
    this.#at(troubleMs, () => {
      home.start();
      for (const what of ["awake", "online"] as const) this.#happen(what);
      const happened = acts.map(({ what }) => what);
      if (happened.includes("kicked")) this.#happen("back in the room");
      if (happened.includes("slot closed")) this.#happen("slot opened");
    });
    home.event$
      .pipe(
        filter(
          ({ sender, type, content }) =>
            sender === alice && type !== "m.room.member" && "application" in Object(content),
        ),
      )
      .subscribe(() => (this.writes += 1));
    const watching = membership$.subscribe((members) => {
      this.#entries = members.filter(({ userId }) => userId === alice);
      this.snapshots.push(this.#snapshot());
    });
    const joined = this.#joinAgain();
    if (ending.how === "unsubscribes" || ending.how === "is killed")
      this.#at(ending.ts, () => this.#cut(joined, ending.how === "unsubscribes"));
    this.#at(troubleMs + 60_000, () => (this.calm = this.#snapshot()));
    this.#at(untilMs, () => {
      this.healed = this.#snapshot();
      joined.unsubscribe();
    });
    this.#at(24 * 3_600_000, () => {
      this.snapshots.push(this.#snapshot());
      watching.unsubscribe();
    });
  }

  /** Joins, after the join before if there was one: it lasts a second. */
  #joinAgain(): Subscription {
    const { before, mode } = this.#story;
    if (before === undefined) return this.#join();
    const joined = new Subscription();
    const earlier = this.#call.join({ mode, leaveOn: before === "hung up" ? timer(1_000) : undefined });
    const leaving = earlier.subscribe({ error: () => {} });
    this.#at(1_000, () => {
      if (before === "closed") leaving.unsubscribe();
      joined.add(this.#join());
    });
    return joined;
  }

  #join(): Subscription {
    const { mode, delegate, ending, openSlot = false } = this.#story;
    const delegates = { refuses: () => throwError(() => new Error("no")), "is silent": () => NEVER };
    const joined = this.#call
      .join({
        mode,
        delegate: delegate && delegates[delegate],
        leaveOn: ending.how === "leaveOn" ? timer(ending.ts) : undefined,
        intent: this.#intent$,
        openSlot,
        transports: [],
      })
      .subscribe({
        next: (state) => (this.#state = state),
        error: ({ code }: { code: string }) => (this.end = { ...this.#snapshot(), how: code }),
        complete: () => (this.end = { ...this.#snapshot(), how: "completed" }),
      });
    this.#intent$.next("video");
    return joined;
  }

  #cut(joined: Subscription, isAlive: boolean): void {
    this.cut = this.#snapshot();
    this.#isAlive = isAlive;
    if (!isAlive) this.#call.home.adjust(phone, { connection: "offline" });
    joined.unsubscribe();
  }

  #trouble({ ts, request, fault, times }: Trouble): void {
    const end = this.#call.home.injectFault({ request, userId: alice }, { ...fault, times });
    this.#at(troubleMs - ts, end);
  }

  #happen(what: Happening): void {
    const { home, roomId } = this.#call;
    const stateKey = `_${alice}_A_m.call`;
    if (what === "delayed leave lost") home.loseDelayed(alice);
    else if (what === "overwritten") home.setState(roomId, { type: memberType, sender: bob, stateKey, content: {} });
    else if (what === "down") home.stop();
    else if (what === "up") home.start();
    else if (what === "new intent") this.#intent$.next(String(asyncScheduler.now()));
    else if (what === "kicked") home.kick(roomId, alice);
    else if (what === "back in the room") home.joinRoom(roomId, alice);
    else if (what === "slot closed") home.setState(roomId, slotEvent("closed"));
    else if (what === "slot opened") home.setState(roomId, slotEvent("open"));
    else if (what in steps) this.#body.step(steps[what] ?? 0);
    else if (!this.#isAlive) return;
    else if (what === "asleep") {
      this.#body.sleep();
      home.adjust(phone, { connection: "frozen" });
    } else if (what === "awake") {
      home.adjust(phone, { connection: "online" });
      this.#body.wake();
    } else if (what === "offline" || what === "online") home.adjust(phone, { connection: what });
  }

  #snapshot(): Snapshot {
    const pending = this.#call.home.delayed().filter(({ userId }) => userId === alice);
    const leaveDueTs = Math.min(...pending.map(({ dueTs }) => dueTs));
    return { ts: asyncScheduler.now(), entries: this.#entries, leaveDueTs, state: this.#state };
  }

  #at(ms: number, act: () => void): void {
    timer(ms).subscribe(act);
  }
}

const phone = { userId: alice, deviceId: "A" };

const slotEvent = (status: "open" | "closed") => ({
  type: "org.matrix.msc4143.rtc.slot",
  sender: bob,
  stateKey: slot,
  content: { status, application: { type: "m.call" } },
});
