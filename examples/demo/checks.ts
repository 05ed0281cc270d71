// Checks: what the library guarantees, checked against the events of the call that was shown.
import type { CallEvent } from "./call-event.ts";

/** A rule, whether it holds for the call, and the measured value. */
export interface Check {
  readonly rule: string;
  readonly holds: boolean;
  readonly figure: string;
}

/** The options of the call, and what is left on the homeserver after it. */
export interface Expectations {
  /** The members that must join. */
  readonly cast: readonly string[];
  /** How long a member may wait for a key that somebody encrypts with. */
  readonly keyWaitMs: number;
  /** How long members may use a key that a leaver has, counted from when they see the leave. */
  readonly exposureMs: number;
  /** How long a killed member may stay visible. */
  readonly killedGoneMs: number;
  readonly membersLeft: number;
  readonly delayedEventsLeft: number;
}

/** The time in which a member was in the call and could decrypt. */
interface Presence {
  readonly member: string;
  readonly fromTs: number;
  readonly untilTs: number;
  readonly goneTs: number;
  readonly killedTs: number | undefined;
}

/** The time in which a member encrypted with one key. */
interface KeyUse {
  readonly member: string;
  readonly keyIndex: number;
  readonly secret: string;
  readonly fromTs: number;
  readonly untilTs: number;
}

export function checks(events: readonly CallEvent[], expected: Expectations): Check[] {
  const presences = presencesIn(events);
  const uses = presences.flatMap((presence) => usesIn(events, presence));
  const heldTs = (secret: string, by: string): number =>
    events.find((held) => held.kind === "key-held" && held.secret === secret && held.to === by)?.ts ?? Infinity;

  const waits = uses.flatMap((use) => presences.flatMap((listener) => waitFor(use, listener, heldTs)));
  const longestWaitMs = Math.max(0, ...waits);
  const missing = expected.cast.filter((name) => !presences.some(({ member }) => member === name));
  return [
    {
      rule: "everybody joins",
      holds: missing.length === 0,
      figure: missing.length === 0 ? presences.map(({ member }) => member).join(", ") : `not ${missing.join(", ")}`,
    },
    {
      rule: "everybody decrypts everybody",
      holds: longestWaitMs <= expected.keyWaitMs,
      figure: `${waits.length} keys to listen with, longest wait ${duration(longestWaitMs)}`,
    },
    ...presences.flatMap((presence) => leaverCheck(presence, presences, uses, heldTs, expected)),
    ...presences.flatMap((presence) => killedCheck(presence, expected)),
    {
      rule: "nothing is left behind",
      holds: expected.membersLeft === 0 && expected.delayedEventsLeft === 0,
      figure: `${expected.membersLeft} members, ${expected.delayedEventsLeft} delayed events`,
    },
  ];
}

/** How long a listener lacked a key in use. Empty if the two were never in the call together. */
function waitFor(use: KeyUse, listener: Presence, heldTs: (secret: string, by: string) => number): number[] {
  const fromTs = Math.max(use.fromTs, listener.fromTs);
  const untilTs = Math.min(use.untilTs, listener.untilTs);
  if (listener.member === use.member || fromTs >= untilTs) return [];
  return [Math.max(0, Math.min(heldTs(use.secret, listener.member), untilTs) - fromTs)];
}

/** Empty for the last member: nobody is left to encrypt. */
function leaverCheck(
  { member, goneTs }: Presence,
  presences: readonly Presence[],
  uses: readonly KeyUse[],
  heldTs: (secret: string, by: string) => number,
  { exposureMs }: Expectations,
): Check[] {
  if (!presences.some((other) => other.fromTs < goneTs && other.untilTs > goneTs)) return [];
  const readable = uses.filter((use) => use.member !== member && heldTs(use.secret, member) < Infinity);
  const exposedMs = Math.max(0, ...readable.map((use) => use.untilTs - goneTs));
  const rule = `${member}, who has gone, has no key that is in use`;
  return [{ rule, holds: exposedMs <= exposureMs, figure: `after ${duration(exposedMs)}` }];
}

function killedCheck({ member, killedTs, goneTs }: Presence, { killedGoneMs }: Expectations): Check[] {
  if (killedTs === undefined) return [];
  const lingeredMs = goneTs - killedTs;
  const rule = `${member}, who was killed, leaves no ghost`;
  return [{ rule, holds: lingeredMs <= killedGoneMs, figure: `gone after ${duration(lingeredMs)}` }];
}

function presencesIn(events: readonly CallEvent[]): Presence[] {
  const tsOf = (member: string, kind: CallEvent["kind"]) =>
    events.find((event) => event.member === member && event.kind === kind)?.ts;
  return events.flatMap(({ kind, member, ts }) => {
    if (kind !== "joined") return [];
    const goneTs = tsOf(member, "gone") ?? Infinity;
    const killedTs = tsOf(member, "killed");
    return [{ member, fromTs: ts, untilTs: killedTs ?? goneTs, goneTs, killedTs }];
  });
}

function usesIn(events: readonly CallEvent[], { member, fromTs, untilTs }: Presence): KeyUse[] {
  const used = events.flatMap((use) => (use.kind === "key-used" && use.member === member ? [use] : []));
  return used.map(({ keyIndex, secret, ts }, at) => ({
    member,
    keyIndex,
    secret,
    fromTs: Math.max(ts, fromTs),
    untilTs: used[at + 1]?.ts ?? untilTs,
  }));
}

const duration = (ms: number): string =>
  ms === Infinity ? "never" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
