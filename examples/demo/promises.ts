// Promises: what the library promised for the call that was shown, held against what happened in it.
import type { Happening } from "./happening.ts";

/** A promise, whether it was kept, and by how much. */
export interface Verdict {
  readonly promise: string;
  readonly kept: boolean;
  readonly figure: string;
}

/** What the call was set up with, and what was there when all had left. */
export interface Terms {
  /** Who was to join. */
  readonly cast: readonly string[];
  /** How long a member may wait for a key that somebody encrypts with. */
  readonly keyWaitMs: number;
  /** For how long, once others see that somebody has gone, they may encrypt with a key which that one has. */
  readonly exposureMs: number;
  /** After how long a killed member has to be gone. */
  readonly killedGoneMs: number;
  readonly membersLeft: number;
  readonly delayedEventsLeft: number;
}

/** From when to when somebody was there, and could hear. */
interface Stay {
  readonly who: string;
  readonly fromTs: number;
  readonly untilTs: number;
  readonly goneTs: number;
  readonly killedTs: number | undefined;
}

/** From when to when somebody encrypted with a key. */
interface Use {
  readonly who: string;
  readonly keyIndex: number;
  readonly secret: string;
  readonly fromTs: number;
  readonly untilTs: number;
}

export function verdicts(happenings: readonly Happening[], terms: Terms): Verdict[] {
  const stays = staysIn(happenings);
  const uses = stays.flatMap((stay) => usesIn(happenings, stay));
  const heldTs = (secret: string, by: string): number =>
    happenings.find((held) => held.kind === "key-held" && held.secret === secret && held.to === by)?.ts ?? Infinity;

  const waits = uses.flatMap((use) => stays.flatMap((listener) => waitFor(use, listener, heldTs)));
  const longestWaitMs = Math.max(0, ...waits);
  const missing = terms.cast.filter((name) => !stays.some(({ who }) => who === name));
  return [
    {
      promise: "everybody joins",
      kept: missing.length === 0,
      figure: missing.length === 0 ? stays.map(({ who }) => who).join(", ") : `not ${missing.join(", ")}`,
    },
    {
      promise: "everybody decrypts everybody",
      kept: longestWaitMs <= terms.keyWaitMs,
      figure: `${waits.length} keys to listen with, longest wait ${duration(longestWaitMs)}`,
    },
    ...stays.flatMap((stay) => leaverVerdict(stay, stays, uses, heldTs, terms)),
    ...stays.flatMap((stay) => killedVerdict(stay, terms)),
    {
      promise: "nothing is left behind",
      kept: terms.membersLeft === 0 && terms.delayedEventsLeft === 0,
      figure: `${terms.membersLeft} members, ${terms.delayedEventsLeft} delayed events`,
    },
  ];
}

/** How long a listener could not decrypt what was sent with a key; nothing if they never met. */
function waitFor(use: Use, listener: Stay, heldTs: (secret: string, by: string) => number): number[] {
  const fromTs = Math.max(use.fromTs, listener.fromTs);
  const untilTs = Math.min(use.untilTs, listener.untilTs);
  if (listener.who === use.who || fromTs >= untilTs) return [];
  return [Math.max(0, Math.min(heldTs(use.secret, listener.who), untilTs) - fromTs)];
}

/** Nothing of one who left nobody behind. */
function leaverVerdict(
  { who, goneTs }: Stay,
  stays: readonly Stay[],
  uses: readonly Use[],
  heldTs: (secret: string, by: string) => number,
  { exposureMs }: Terms,
): Verdict[] {
  if (!stays.some((other) => other.fromTs < goneTs && other.untilTs > goneTs)) return [];
  const readable = uses.filter((use) => use.who !== who && heldTs(use.secret, who) < Infinity);
  const exposedMs = Math.max(0, ...readable.map((use) => use.untilTs - goneTs));
  const promise = `${who}, who has gone, has no key that is in use`;
  return [{ promise, kept: exposedMs <= exposureMs, figure: `after ${duration(exposedMs)}` }];
}

function killedVerdict({ who, killedTs, goneTs }: Stay, { killedGoneMs }: Terms): Verdict[] {
  if (killedTs === undefined) return [];
  const lingeredMs = goneTs - killedTs;
  const promise = `${who}, who was killed, leaves no ghost`;
  return [{ promise, kept: lingeredMs <= killedGoneMs, figure: `gone after ${duration(lingeredMs)}` }];
}

function staysIn(happenings: readonly Happening[]): Stay[] {
  const tsOf = (who: string, kind: Happening["kind"]) =>
    happenings.find((happening) => happening.who === who && happening.kind === kind)?.ts;
  return happenings.flatMap(({ kind, who, ts }) => {
    if (kind !== "joined") return [];
    const goneTs = tsOf(who, "gone") ?? Infinity;
    const killedTs = tsOf(who, "killed");
    return [{ who, fromTs: ts, untilTs: killedTs ?? goneTs, goneTs, killedTs }];
  });
}

function usesIn(happenings: readonly Happening[], { who, fromTs, untilTs }: Stay): Use[] {
  const used = happenings.flatMap((use) => (use.kind === "key-used" && use.who === who ? [use] : []));
  return used.map(({ keyIndex, secret, ts }, at) => ({
    who,
    keyIndex,
    secret,
    fromTs: Math.max(ts, fromTs),
    untilTs: used[at + 1]?.ts ?? untilTs,
  }));
}

const duration = (ms: number): string =>
  ms === Infinity ? "never" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
