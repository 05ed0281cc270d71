// CallProblem: everything that is wrong with a call now, most severe first. Pure.
import type { JoinState } from "../join/join-state.ts";
import { kept } from "../rx/stable.ts";
import type { Membership } from "../types.ts";
import type { DeviceFailure } from "./device-failure.ts";
import type { MediaEncryption, MediaParticipant, MediaProblem } from "./participant.ts";
import type { MediaSource } from "./source.ts";

/** What is wrong. In the order of severity: our membership, connections, our own media, single members. */
export type CallProblemCode =
  /** The others see us as gone, since the homeserver has not heard from us for the delay of our leave. It is asked again and again. */
  | "probably-left"
  /** The others saw us leave. We are joining again. */
  | "rejoining"
  /** The access token has expired. The call goes on once the client has logged in again. */
  | "login-needed"
  /** Joining takes more tries than one. */
  | "join-delayed"
  /**
   * The call is encrypted, and the session has no media key of ours: another session has joined, or the join has `keys.enabled: false`.
   * Nothing of ours is sent, and nothing can be decrypted. Only the app can mend it.
   */
  | "own-key-missing"
  /** There is no connection to the SFU that we publish on: nobody hears us. It is tried again at `nextTryTs`. */
  | "not-publishing"
  /** There is no connection to an SFU of others. It is tried again at `nextTryTs`. */
  | "sfu-failed"
  /** LiveKit repairs the connection to an SFU. */
  | "sfu-reconnecting"
  /** A camera, a microphone or a screen share cannot be used. Nothing is tried again until the user does something. */
  | "device-failed"
  /** A track of ours cannot be published. It is tried again. */
  | "publish-failed"
  /** A member cannot decrypt us, because our key did not reach it. It is sent again. */
  | "member-lacks-our-key"
  /** We cannot decrypt a member. Its key is requested. */
  | "member-undecryptable"
  /** A member sends in the clear in an encrypted call. Its media is not received. */
  | "member-not-encrypted"
  /** The media of a member does not reach us. `media` says why. */
  | "member-unreachable"
  /** The clock of the homeserver and ours differ by more than a minute. Only times that are shown are wrong. */
  | "clocks-differ"
  /** The homeserver has no delayed events: if this device crashes, the others see it for minutes. */
  | "no-delayed-leave";

/** One thing that is wrong. */
export interface CallProblem {
  readonly code: CallProblemCode;
  readonly sinceTs: number;
  /** When the library tries again. Absent if that is not planned, or is not a matter of time. */
  readonly nextTryTs?: number;
  /** The member that it is about. */
  readonly member?: Membership;
  /** The SFU that it is about: the address of its authorisation service, or its own. */
  readonly sfu?: string;
  /** More about it: a code of the part that reports it, for logs and for the text of a banner. */
  readonly detail?: string;
}

/** What problems are read from. */
export interface ProblemInput {
  /** Undefined before the first state, and after the end. */
  readonly state: JoinState | undefined;
  readonly connections: readonly ConnectionInput[];
  readonly devices: readonly DeviceFailure[];
  readonly publishFailures: readonly PublishFailure[];
  readonly members: readonly MemberInput[];
  /** Whether we are joined in an encrypted call without a key of ours. Default: no. */
  readonly lacksOwnKey?: boolean;
}

export interface ConnectionInput {
  readonly sfu: string;
  readonly purpose: "publish" | "subscribe";
  readonly status: string;
  readonly failure?: { readonly code: string } | undefined;
  readonly nextTryTs?: number | undefined;
}

/** A track of ours that could not be published. */
export interface PublishFailure {
  readonly source: MediaSource;
  readonly sfu: string;
  readonly nextTryTs: number;
}

export interface MemberInput {
  readonly member: Membership;
  readonly encryption: MediaEncryption;
  readonly problem: MediaProblem | undefined;
}

/** What problems are read from, of one participant. */
export const memberInput = ({
  member,
  encryption$,
  problem$,
}: Pick<MediaParticipant<unknown>, "member" | "encryption$" | "problem$">): MemberInput => ({
  member,
  encryption: encryption$.value,
  problem: problem$.value,
});

type Found = Omit<CallProblem, "sinceTs"> & { readonly sinceTs?: number };

/** Obstacles of a member that are the problem of a connection, or only a matter of time. */
const notOfMember: ReadonlySet<MediaProblem["code"]> = new Set(["sfu-not-connected", "not-on-sfu"]);

/**
 * The problems of a call, in the order of `CallProblemCode`. A problem that was there before is the same object, with its
 * first time.
 */
export function callProblems(input: ProblemInput, before: readonly CallProblem[], now: number): readonly CallProblem[] {
  const found = [
    ...ofMembership(input.state),
    ...(input.lacksOwnKey ? [{ code: "own-key-missing" } as const] : []),
    ...ofConnections(input),
    ...ofOwnMedia(input),
    ...ofMembers(input.members),
  ];
  found.sort((a, b) => order.indexOf(a.code) - order.indexOf(b.code));
  const problems = found.map((one) => {
    const known = before.find((other) => isSame(other, one));
    // A member that is written again is the same one.
    const { member = one.member } = known ?? {};
    const sinceTs = one.sinceTs ?? known?.sinceTs ?? now;
    return kept<CallProblem>({ ...one, ...(member && { member }), sinceTs }, known);
  });
  return kept(problems, before);
}

/** The problems that have lasted long enough to be shown, and when the next one has. */
export function ripeProblems(
  problems: readonly CallProblem[],
  now: number,
): { readonly ripe: readonly CallProblem[]; readonly nextTs: number } {
  const ripeTs = ({ code, sinceTs }: CallProblem) => sinceTs + patienceMs[code];
  const young = problems.filter((problem) => ripeTs(problem) > now);
  return { ripe: problems.filter((problem) => !young.includes(problem)), nextTs: Math.min(...young.map(ripeTs)) };
}

/**
 * How long a problem may last before it is one, the most severe first. Most are over sooner, and a banner that flashes helps
 * nobody.
 */
const patienceMs: Readonly<Record<CallProblemCode, number>> = {
  "probably-left": 0,
  rejoining: 0,
  "login-needed": 0,
  "join-delayed": 0,
  "own-key-missing": 5_000,
  "not-publishing": 0,
  "sfu-failed": 0,
  "sfu-reconnecting": 1_000,
  "device-failed": 0,
  "publish-failed": 0,
  "member-lacks-our-key": 5_000,
  "member-undecryptable": 3_000,
  "member-not-encrypted": 1_000,
  "member-unreachable": 3_000,
  "clocks-differ": 0,
  "no-delayed-leave": 0,
};
const order = Object.keys(patienceMs);

/** Two reports of one thing. A device is told apart by its detail, the rest by what it is about. */
const isSame = (a: CallProblem, b: Found): boolean =>
  a.code === b.code &&
  a.sfu === b.sfu &&
  a.member?.instance === b.member?.instance &&
  (a.detail === b.detail || (a.code !== "device-failed" && a.code !== "publish-failed"));

function ofMembership(state: JoinState | undefined): Found[] {
  if (!state || state.status === "leaving") return [];
  if (state.status === "joined") {
    const found: Found[] = [];
    if (state.probablyLeft) found.push({ code: "probably-left" });
    if (state.waitingFor === "login") found.push({ code: "login-needed" });
    if (state.clockOffsetMs !== undefined) found.push({ code: "clocks-differ" });
    if (state.delayedLeave.status === "unsupported") found.push({ code: "no-delayed-leave" });
    return found;
  }
  const { step, nextTryTs, attempt } = state;
  const next = nextTryTs === undefined ? {} : { nextTryTs };
  if (step === "waiting-for-login") return [{ code: "login-needed" }];
  if (state.status === "rejoining") return [{ code: "rejoining", detail: state.reason, ...next }];
  return attempt > 1 ? [{ code: "join-delayed", detail: step, ...next }] : [];
}

function ofConnections({ connections }: ProblemInput): Found[] {
  return connections.flatMap(({ sfu, purpose, status, failure, nextTryTs }): Found[] => {
    if (status === "reconnecting") return [{ code: "sfu-reconnecting", sfu }];
    if (!failure || status === "connected") return [];
    const code = purpose === "publish" ? "not-publishing" : "sfu-failed";
    return [{ code, sfu, detail: failure.code, ...(nextTryTs !== undefined && { nextTryTs }) }];
  });
}

function ofOwnMedia({ devices, publishFailures }: ProblemInput): Found[] {
  return [
    ...devices.map(
      ({ source, code, sinceTs }): Found => ({ code: "device-failed", detail: `${source} ${code}`, sinceTs }),
    ),
    ...publishFailures.map(
      ({ source, sfu, nextTryTs }): Found => ({ code: "publish-failed", sfu, detail: source, nextTryTs }),
    ),
  ];
}

function ofMembers(members: readonly MemberInput[]): Found[] {
  return members.flatMap(({ member, encryption, problem }): Found[] => {
    const found: Found[] = [];
    const { status, unreached } = encryption;
    if (unreached) found.push({ code: "member-lacks-our-key", member, detail: unreached });
    if (status === "waiting" || status === "unverified")
      found.push({ code: "member-undecryptable", member, detail: encryption.reason });
    if (status === "cleartext") found.push({ code: "member-not-encrypted", member });
    if (problem && !notOfMember.has(problem.code)) {
      const { code: detail, sinceTs, nextTryTs } = problem;
      found.push({
        code: "member-unreachable",
        member,
        detail,
        sinceTs,
        ...(nextTryTs !== undefined && { nextTryTs }),
      });
    }
    return found;
  });
}
