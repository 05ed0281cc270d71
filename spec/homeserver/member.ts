// Members of ours on the real homeserver, one call and room for each, and how another device sees them.
import { rtcSession, type JoinState, type SessionJoinOptions } from "matrixrtc-rx";
import { type RealDevice, roomOf, until } from "./device.ts";
import { slot, type Watch, watch } from "./watch.ts";

export const modes = ["legacy", "compatibility", "matrix_2_0"] as const;

export interface RealMember {
  readonly options: SessionJoinOptions;
  readonly roomId: string;
  /** How the observer sees it. */
  readonly seen: Watch;
  /** All that its join has said. */
  readonly states: readonly JoinState[];
  leave(): void;
}

/** Joins a call of a new room, and waits until both devices know. */
export async function member(who: RealDevice, observer: RealDevice, options: SessionJoinOptions): Promise<RealMember> {
  const roomId = await roomOf(who, observer);
  const seen = await watch(observer, roomId, who);
  const states: JoinState[] = [];
  const joining = rtcSession(who.matrix, { roomId, slot })
    .join(options)
    .subscribe((state) => states.push(state));
  const member: RealMember = { options, roomId, seen, states, leave: () => joining.unsubscribe() };
  await Promise.all([seen.seen(true), until(() => isWell(member))]);
  return member;
}

/** A member in each mode. */
export async function memberInEachMode(
  who: RealDevice,
  observer: RealDevice,
  options: SessionJoinOptions,
): Promise<RealMember[]> {
  const members: RealMember[] = [];
  for (const mode of modes) members.push(await member(who, observer, { mode, ...options }));
  return members;
}

/** Whether a member is in the call, knows that it is seen, and has been guarded, where that is possible, since a time. */
export function isWell({ states, options }: Pick<RealMember, "states" | "options">, sinceTs = 0): boolean {
  const state = states.at(-1);
  if (state?.status !== "joined" || state.probablyLeft || state.membership === undefined) return false;
  const { delayedLeave } = state;
  if (delayedLeave.status !== "armed") return delayedLeave.status === "unsupported";
  return delayedLeave.untilTs > Math.max(Date.now(), sinceTs + (options.timing?.delayedLeaveMs ?? 18_000));
}

/** Whether a member knows that the others see it as gone. */
export function isProbablyLeft({ states }: RealMember): boolean {
  const state = states.at(-1);
  return state?.status === "joined" && state.probablyLeft;
}
