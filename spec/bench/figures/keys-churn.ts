// keysChurn, joinerWait: messages for 60 s of churn in a call of 100 where each leaver is excluded within 5 s, and how
// long a joiner waits for a usable key. The floor is the exact minimum for the trace.
import { filter } from "rxjs";
import { encryptedSession } from "matrixrtc-rx/encryption";
import {
  joinEvent,
  keyMessage,
  leaveEvent,
  myUserId,
  range,
  type RawEvent,
  roomId,
  roomMember,
  slot,
  userName,
} from "../call-events.ts";
import {
  boundMs,
  exposureIn,
  fewestMessages,
  joinerWaitIn,
  type KeyManager,
  type Log,
  messagesIn,
  othersAtFirst,
  runChurn,
  trace,
  useDelayMs,
} from "../churn.ts";
import type { Figure } from "../figure.ts";
import { MemoryPort } from "../memory-port.ts";
import { SdkKeys } from "../sdk-keys.ts";

export async function keysChurn(): Promise<Figure[]> {
  const ours = await runChurn(ourKeys("new-key"));
  const ratchet = await runChurn(ourKeys("ratchet"));
  const peer = await runChurn(sdkKeys);
  const floor = fewestMessages();
  const exposure = { name: "keysExposure", what: "a leaver's longest exposure in that trace", unit: "ms" };
  return [
    {
      name: "keysChurn",
      what: "messages for 60 s of churn in a call of 100; the floor is the exact minimum",
      unit: "messages",
      ours: messagesIn(ours),
      peer: messagesIn(peer),
      floor,
      goal: { ratio: 1, floors: 1.1 },
    },
    { ...exposure, ours: exposureIn(ours), peer: exposureIn(peer), goal: { atMost: boundMs } },
    {
      name: "joinerWait",
      what: "a joiner's longest wait for a usable key in that trace, beyond delivery",
      unit: "ms",
      ours: joinerWaitIn(ours),
      peer: joinerWaitIn(peer),
      floor: 0,
      goal: { atMost: 0 },
    },
    {
      name: "keysChurnRatchet",
      what: "the same trace with a ratchet, where a joiner opens nothing of the past",
      unit: "messages",
      ours: messagesIn(ratchet),
      peer: messagesIn(peer),
      floor,
      goal: { ratio: 1, floors: 1.1 },
    },
    {
      name: "joinerWaitRatchet",
      what: "a joiner's longest wait with a ratchet: two steps are 1 s apart at least",
      unit: "ms",
      ours: joinerWaitIn(ratchet),
      goal: { atMost: 1_000 },
    },
  ];
}

const everybody = othersAtFirst + trace.length / 2;
const joinOf = (user: number) => joinEvent("state", user);
const userIn = (userId: string) => Number(/\d+/.exec(userId)?.[0]);

const ourKeys =
  (onJoin: "new-key" | "ratchet") =>
  ({ sent, used }: Log, nowMs: () => number): KeyManager => {
    const port = new MemoryPort();
    const joins = new Map<number, RawEvent>(range(0, everybody).map((user) => [user, joinOf(user)]));
    const deliver = (events: readonly RawEvent[]) => port.apply(port.prepare(events));
    return {
      async start() {
        deliver([myUserId, ...range(0, everybody).map(userName)].map((userId) => roomMember(userId)));
        deliver(range(0, othersAtFirst).flatMap((user) => joins.get(user) ?? []));
        port.onToDevice = ({ userId }, _type, content) => {
          const { keys } = content as { keys: { index: number } };
          sent.push({ atMs: nowMs(), user: userIn(userId), keyIndex: keys.index });
        };
        const session = encryptedSession(port, { roomId, slot });
        const ownKey$ = session.encryptionKey$.pipe(filter(({ own }) => own));
        ownKey$.subscribe(({ keyIndex }) => used.push({ atMs: nowMs(), keyIndex }));
        const collectMs = boundMs - useDelayMs;
        const rotation = { useDelayMs, coalesceMs: collectMs, maxCoalesceMs: collectMs, onJoin };
        session.join({ keys: { enabled: true, rotation } }).subscribe();
        for (const user of range(0, othersAtFirst)) port.toDevice$.next(keyMessage(user));
      },
      apply({ user, kind }) {
        const joined = joins.get(user);
        if (joined) deliver([kind === "join" ? joined : leaveEvent(joined)]);
        // Without it we would request the key.
        if (kind === "join") port.toDevice$.next(keyMessage(user));
      },
    };
  };

/** With half the delay, for the same exposure: a leave during a rotation waits for the end of that rotation, then for its own. */
function sdkKeys({ sent, used }: Log, nowMs: () => number): KeyManager {
  const onSend = (userId: string, keyIndex: number) => sent.push({ atMs: nowMs(), user: userIn(userId), keyIndex });
  const onUse = (keyIndex: number) => used.push({ atMs: nowMs(), keyIndex });
  const keys = new SdkKeys(onSend, onUse, { useKeyDelay: boundMs / 2 });
  return {
    start: () => keys.join(range(0, othersAtFirst).map(joinOf)),
    apply: ({ user, kind }) => (kind === "join" ? keys.join([joinOf(user)]) : keys.leave(userName(user))),
  };
}
