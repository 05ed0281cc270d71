// Ring types: the types of the timeline events that ring a call, and of those that decline. protocol.md 7.1.
import { ringNames } from "./names.ts";

const { deployed, stable } = ringNames;

/** The types of the events that ring a call, with the oldest name first. */
export const ringTypes: readonly string[] = [
  "org.matrix.msc4075.call.notify",
  "m.call.notify",
  ...[deployed, stable].flatMap(({ notification, invite }) => [notification, invite]),
];

/** The types of the events that decline a call. */
export const declineTypes: readonly string[] = [
  deployed.notificationDecline,
  deployed.inviteDecline,
  stable.inviteDecline,
];
