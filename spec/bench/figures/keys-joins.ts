// keysJoins: the key messages of all members while eight join a call, 30 s apart. At the least, each gives its key to each: 56.
import { mock } from "node:test";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { joinEvent, keyMessage, myUserId, range, roomId, roomMember, slot, userName } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { MemoryPort } from "../memory-port.ts";
import { SdkKeys } from "../sdk-keys.ts";

const memberCount = 8;
const pauseMs = 30_000;
/** Virtual time goes on in steps of this. */
const tickMs = 50;

/** A member that sees others join. */
interface View {
  joins(users: readonly number[]): void | Promise<void>;
  sent(): number;
}

export async function keysJoins(): Promise<Figure[]> {
  const [ratchet, newKey, peer] = [
    await messages(() => ours("ratchet")),
    await messages(() => ours("new-key")),
    await messages(sdk),
  ];
  const floor = memberCount * (memberCount - 1);
  const what = "messages of all members while 8 join, 30 s apart; the floor is one for each pair";
  return [
    { name: "keysJoins", what, unit: "messages", ours: ratchet, peer, floor, goal: { atMost: 60 } },
    {
      name: "keysJoinsNewKey",
      what: "the same with a new key at each join",
      unit: "messages",
      ours: newKey,
      peer,
      floor,
      goal: { ratio: 1 },
    },
  ];
}

/** The sum of what each member sends. The one that joins as number `n` sees `n` others, and then the rest join. */
async function messages(make: () => View): Promise<number> {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.now() });
  const views = range(0, memberCount).map(make);
  for (const at of range(0, memberCount)) {
    for (const [before, view] of views.entries()) {
      if (before === at) await view.joins(range(0, before));
      if (before < at) await view.joins([at]);
    }
    for (const _ of range(0, pauseMs / tickMs)) {
      mock.timers.tick(tickMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  mock.timers.reset();
  return views.reduce((sum, view) => sum + view.sent(), 0);
}

function ours(onJoin: "ratchet" | "new-key"): View {
  const port = new MemoryPort();
  let sent = 0;
  port.onToDevice = () => (sent += 1);
  port.apply(port.prepare([myUserId, ...range(0, memberCount).map(userName)].map((userId) => roomMember(userId))));
  let isJoined = false;
  return {
    joins(users) {
      port.apply(port.prepare(users.map((user) => joinEvent("state", user))));
      if (!isJoined)
        encryptedSession(port, { roomId, slot })
          .join({ keys: { enabled: true, rotation: { onJoin } } })
          .subscribe();
      isJoined = true;
      for (const user of users) port.toDevice$.next(keyMessage(user));
    },
    sent: () => sent,
  };
}

function sdk(): View {
  let sent = 0;
  const keys = new SdkKeys(
    () => (sent += 1),
    () => {},
    {},
  );
  return { joins: (users) => keys.join(users.map((user) => joinEvent("state", user))), sent: () => sent };
}
