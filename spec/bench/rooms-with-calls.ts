// RoomsWithCalls: the events of 5,000 rooms, 50 of them with a call.
import { joinEvent, myUserId, range, type RawEvent, roomMember, userName } from "./call-events.ts";

export const roomCount = 5000;
export const callEvery = 100;
const membersOfCall = 5;

export function eventsOfRoom(n: number): RawEvent[] {
  const inRoom = `!room${n}:example.org`;
  const me = roomMember(myUserId, inRoom);
  if (n % callEvery !== 0) return [me];
  const users = range(0, membersOfCall);
  const members = users.map((user) => roomMember(userName(user), inRoom));
  return [me, ...members, ...users.map((user) => joinEvent("state", user, { inRoom }))];
}
