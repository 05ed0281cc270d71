// Member: our members on the real homeserver, each in its own room, and how another device sees them.
import { type JoinState } from "matrixrtc-rx";
import { encryptedSession, type EncryptedJoinOptions } from "matrixrtc-rx/encryption";
import { type RealDevice, roomOf, until } from "./device.ts";
import { slot, type Watch, watch } from "./watch.ts";

export const modes = ["legacy", "compatibility", "matrix_2_0"] as const;

export interface RealMember {
  readonly options: EncryptedJoinOptions;
  readonly roomId: string;
  /** What the observer sees. */
  readonly seen: Watch;
  /** All states of its join. */
  readonly states: readonly JoinState[];
  leave(): void;
}

/** Joins a call in a new room, and waits until both devices see the member. */
export async function joinNewRoom(
  device: RealDevice,
  observer: RealDevice,
  options: EncryptedJoinOptions,
): Promise<RealMember> {
  const roomId = await roomOf(device, observer);
  const seen = await watch(observer, roomId, device);
  const states: JoinState[] = [];
  const joining = encryptedSession(device.matrix, { roomId, slot })
    .join(options)
    .subscribe((state) => states.push(state));
  const member: RealMember = { options, roomId, seen, states, leave: () => joining.unsubscribe() };
  await Promise.all([seen.seen(true), until(() => isFullyJoined(member))]);
  return member;
}

/** A member in each mode. */
export async function memberInEachMode(
  device: RealDevice,
  observer: RealDevice,
  options: EncryptedJoinOptions,
): Promise<RealMember[]> {
  const members: RealMember[] = [];
  for (const mode of modes) members.push(await joinNewRoom(device, observer, { mode, ...options }));
  return members;
}

/** Whether a member is joined and visible, with a delayed leave that was restarted after `sinceTs`, if the server has any. */
export function isFullyJoined({ states, options }: Pick<RealMember, "states" | "options">, sinceTs = 0): boolean {
  const state = states.at(-1);
  if (state?.status !== "joined" || state.probablyLeft || state.membership === undefined) return false;
  const { delayedLeave } = state;
  if (delayedLeave.status !== "armed") return delayedLeave.status === "unsupported";
  return delayedLeave.untilTs > Math.max(Date.now(), sinceTs + (options.timing?.delayedLeaveMs ?? 18_000));
}

/** Whether a member knows that others probably see it as gone. */
export function isProbablyLeft({ states }: RealMember): boolean {
  const state = states.at(-1);
  return state?.status === "joined" && state.probablyLeft;
}
