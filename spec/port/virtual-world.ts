// VirtualWorld: the virtual homeserver as a world for the conformance suite, in real time.
import { firstValueFrom, lastValueFrom, Observable, timer } from "rxjs";
import { type Matrix, MatrixError } from "../../src/port/index.ts";
import { type ConformanceWorld, type ConformanceWorldOptions, virtualHomeserver } from "../../src/testing/index.ts";

const [me, other] = [
  { userId: "@me:example.org", deviceId: "MINE" },
  { userId: "@other:example.org", deviceId: "THEIRS" },
];
const syncMs = 3;

/** @param change Changes the port before it is tested. */
export function virtualWorld(
  { delayedEvents }: ConformanceWorldOptions,
  change: (port: Matrix) => Matrix = (port) => port,
): ConformanceWorld {
  const home = virtualHomeserver({ latencyMs: 1, syncMs, ...(!delayedEvents && { delayedEvents: false }) });
  let listenerCount = 0;
  const counted = <T>(source$: Observable<T>): Observable<T> =>
    new Observable((subscriber) => {
      listenerCount += 1;
      subscriber.add(() => (listenerCount -= 1));
      subscriber.add(source$.subscribe(subscriber));
    });
  const { changes$, toDevice$, ...others } = home.client(me.userId, me.deviceId);
  const client: Matrix = { ...others, changes$: counted(changes$), toDevice$: counted(toDevice$) };
  const theirs = home.client(other.userId, other.deviceId);
  const sync = async () => void (await firstValueFrom(timer(syncMs + 2)));
  let count = 0;

  return {
    port: change(client),
    other,

    async createRoom({ encrypted }) {
      const roomId = home.createRoom({ encrypted, members: [me.userId, other.userId] });
      await sync();
      return roomId;
    },
    async setOwnMembership(roomId, membership) {
      if (membership === "join") home.joinRoom(roomId, me.userId);
      else home.leaveRoom(roomId, me.userId);
    },
    setState: async (roomId, event) => home.setState(roomId, { ...event, sender: other.userId }),
    sendSticky: async (roomId, event) => home.sendSticky(roomId, { ...event, sender: other.userId }),
    redact: async (roomId, eventId) => home.redact(roomId, eventId),
    async sendToDevice({ type, content, encrypted }) {
      const proof = encrypted ? { proof: { deviceId: other.deviceId, crossSigned: true } } : {};
      home.deliver(me, { type, content, sender: other.userId, ...proof });
    },
    sendTimeline: async (roomId, event) =>
      void (await lastValueFrom(
        theirs.send({ roomId, type: event.type, content: { ...event.content }, txnId: `${(count += 1)}` }),
      )),
    sendEvent: async (roomId, event) => home.sendEvent(roomId, { ...event, sender: other.userId }),
    async sendEphemeral({ type, roomId = "", content }) {
      if (type === "m.presence") return home.setPresence(other.userId, content as Record<string, unknown>);
      const [eventId = ""] = Object.keys(content as object);
      const sent$ =
        type === "m.typing" ? theirs.sendTyping!(roomId, true, 30_000) : theirs.sendReceipt!(roomId, eventId);
      await lastValueFrom(sent$, { defaultValue: undefined });
    },
    forgetMember: async (roomId) => home.forgetMember(me, roomId, other.userId),

    sync,
    async interrupt() {
      home.adjust(me, { connection: "offline" });
      home.adjust(me, { connection: "online" });
      await sync();
    },

    failNext: (request, { kind, retryAfterMs, maxDelayMs }) => {
      const details = {
        ...(retryAfterMs !== undefined && { retryAfterMs }),
        ...(maxDelayMs !== undefined && { maxDelayMs }),
      };
      home.injectFault({ ...me, request }, { fail: new MatrixError(kind, "injected", details) });
    },
    events: (roomId) =>
      home.events(roomId).map(({ eventId, sender, type, sticky, proof }) => {
        const isEncrypted = proof !== undefined || sticky?.encryption === "decrypted";
        return { eventId, sender, type: isEncrypted ? "m.room.encrypted" : type };
      }),
    requestCount: () => home.requests.filter(({ userId }) => userId === me.userId).length,
    listenerCount: () => listenerCount,
    end: () => {},
  };
}
