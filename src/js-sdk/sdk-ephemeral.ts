// SdkEphemeral: typing, receipts and presence, with one listener for all rooms. Client-server API.
import { ClientEvent, type MatrixClient, type MatrixEvent } from "matrix-js-sdk";
import { asyncScheduler, Observable, share } from "rxjs";
import type { EphemeralEvent, Matrix } from "../matrix.ts";
import { isFiniteNumber } from "../room/json.ts";

const types: ReadonlySet<string> = new Set(["m.typing", "m.receipt", "m.presence"]);

export function ephemeralOf(client: MatrixClient): Required<Pick<Matrix, "ephemeral" | "ephemeral$">> {
  return {
    ephemeral: (type, id) => {
      if (type === "m.presence") return presenceOf(client, id);
      return type === "m.typing" ? typingIn(client, id) : receiptsIn(client, id);
    },
    ephemeral$: new Observable<EphemeralEvent>((subscriber) => {
      const onEvent = (event: MatrixEvent) => {
        const type = event.event.type ?? "";
        if (!types.has(type)) return;
        const [roomId, sender] = [event.getRoomId(), event.getSender()];
        subscriber.next({
          type,
          ...(roomId !== undefined && { roomId }),
          ...(sender !== undefined && { sender }),
          content: event.event.content,
        });
      };
      client.on(ClientEvent.Event, onEvent);
      return () => {
        client.off(ClientEvent.Event, onEvent);
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
