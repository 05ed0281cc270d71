// SdkEphemeral: typing, receipts and presence, with three listeners for all rooms. Client-server API.
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  type Room,
  RoomEvent,
  type RoomMember,
  RoomMemberEvent,
} from "matrix-js-sdk";
import { asyncScheduler, Observable, share } from "rxjs";
import type { EphemeralEvent, Matrix } from "../matrix.ts";
import { isFiniteNumber } from "../room/json.ts";

export function ephemeralOf(client: MatrixClient): Required<Pick<Matrix, "ephemeral" | "ephemeral$">> {
  return {
    ephemeral: (type, id) => {
      if (type === "m.presence") return presenceOf(client, id);
      return type === "m.typing" ? typingIn(client, id) : receiptsIn(client, id);
    },
    ephemeral$: new Observable<EphemeralEvent>((subscriber) => {
      let lastTyping: MatrixEvent | undefined;
      const onPresence = ({ event: { type, sender, content } }: MatrixEvent) => {
        if (type === "m.presence" && sender !== undefined) subscriber.next({ type, sender, content });
      };
      /** The SDK emits one event for each member who has begun or stopped. */
      const onTyping = (event: MatrixEvent, { roomId }: RoomMember) => {
        if (event === lastTyping) return;
        lastTyping = event;
        subscriber.next({ type: "m.typing", roomId, content: event.event.content });
      };
      const onReceipt = (event: MatrixEvent, { roomId }: Room) =>
        subscriber.next({ type: "m.receipt", roomId, content: event.event.content });

      client.on(ClientEvent.Event, onPresence);
      client.on(RoomMemberEvent.Typing, onTyping);
      client.on(RoomEvent.Receipt, onReceipt);
      return () => {
        client.off(ClientEvent.Event, onPresence);
        client.off(RoomMemberEvent.Typing, onTyping);
        client.off(RoomEvent.Receipt, onReceipt);
      };
    }).pipe(share()),
  };
}

function typingIn(client: MatrixClient, roomId: string): object {
  const members = client.getRoom(roomId)?.getMembers() ?? [];
  return { user_ids: members.filter(({ typing }) => typing).map(({ userId }) => userId) };
}

function receiptsIn(client: MatrixClient, roomId: string): object {
  const content: Record<string, { "m.read": Record<string, object> }> = {};
  const room = client.getRoom(roomId);
  for (const { userId } of room?.getMembers() ?? []) {
    const receipt = room?.getReadReceiptForUserId(userId, true);
    if (!receipt) continue;
    const ofEvent = (content[receipt.eventId] ??= { "m.read": {} });
    ofEvent["m.read"][userId] = { ts: receipt.data.ts };
  }
  return content;
}

/** The age of the last activity counts from when the client received it. */
function presenceOf(client: MatrixClient, userId: string): unknown {
  const user = client.getUser(userId);
  const content = user?.events.presence?.event.content;
  if (!user || !content) return undefined;
  const { last_active_ago: agoMs } = content;
  const passedMs = Math.max(0, asyncScheduler.now() - user.lastPresenceTs);
  return isFiniteNumber(agoMs) ? { ...content, last_active_ago: Math.round(agoMs + passedMs) } : content;
}
