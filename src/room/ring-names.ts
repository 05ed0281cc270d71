// Ring names: the types of the timeline events that ring a call, and of those that decline. protocol.md 7.1.
import type { Generation } from "../types.ts";

interface RingNames {
  readonly notification: string;
  readonly notificationDecline: string;
  readonly invite: string;
  readonly inviteDecline: string;
}

/** The names of both generations. Both are read everywhere. */
export const ringNames: { readonly [G in Generation]: RingNames } = {
  deployed: {
    notification: "org.matrix.msc4075.rtc.notification",
    notificationDecline: "org.matrix.msc4310.rtc.decline",
    invite: "org.matrix.msc4075.rtc.invite",
    inviteDecline: "org.matrix.msc4075.rtc.decline",
  },
  stable: {
    notification: "m.rtc.notification",
    notificationDecline: "m.rtc.decline",
    invite: "m.rtc.invite",
    inviteDecline: "m.rtc.decline",
  },
};

const { deployed, stable } = ringNames;

/** The types of the events that ring a call, with the oldest name first. */
export const ringTypes: readonly string[] = [
  "org.matrix.msc4075.call.notify",
  ...[deployed, stable].flatMap(({ notification, invite }) => [notification, invite]),
];

/** The types of the events that decline a call. */
export const declineTypes: readonly string[] = [
  deployed.notificationDecline,
  deployed.inviteDecline,
  stable.inviteDecline,
];
