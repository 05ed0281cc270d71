// Leaks: joins a call and leaves it, again and again, and counts what is left.
import { Subject } from "rxjs";
import { type JoinMode } from "../../src/index.ts";
import { encryptedSession } from "../../src/encryption/index.ts";
import { keyMessage } from "../../src/keys/wire.ts";
import { SimulatedClock } from "../simulate/clock.ts";
import { EchoClient } from "./echo-client.ts";

const roomId = "!room:example.org";
const slot = "m.call#ROOM";
const bob = "@bob:example.org";
const laptop = "LAPTOP";

const turnEvery = 10;

export interface Left {
  readonly timers: number;
  /** Subscriptions to the client. */
  readonly subscriptions: number;
  readonly delayedEvents: number;
  readonly members: number;
  /** How many joins did not end as they should. */
  readonly failures: number;
}

export interface LeakOptions {
  readonly joins: number;
  readonly mode: JoinMode;
  /** Called after each join. */
  readonly onJoin?: (done: number) => void;
}

/** Bob is in the call all the time. Alice joins, gets his key, and leaves. Each second time she opens another session. */
export async function joinAndLeave({ joins, mode, onJoin }: LeakOptions): Promise<Left> {
  const clock = new SimulatedClock((error) => {
    throw error;
  });
  const restore = clock.install();
  try {
    const client = new EchoClient(roomId, [bob, "@alice:example.org"]);
    const wait = (ms: number) => clock.run(clock.ms + ms, () => false);
    const renewBob = () =>
      client.putState("org.matrix.msc3401.call.member", `_${bob}_${laptop}_m.call`, bob, {
        application: "m.call",
        call_id: "",
        scope: "m.room",
        device_id: laptop,
        expires: 86_400_000,
        focus_active: { type: "livekit", focus_selection: "multi_sfu" },
        foci_preferred: [],
      });
    let session = encryptedSession(client, { roomId, slot });
    let failures = 0;
    let members = 0;
    for (let done = 1; done <= joins; done++) {
      if (done % 2 === 0) session = encryptedSession(client, { roomId, slot });
      if (done % 500 === 1) renewBob();
      const hangUp$ = new Subject<void>();
      let hasEnded = false;
      let keys = 0;
      const watching = [
        session.membership$.subscribe((list) => (members = list.length)),
        session.encryptionStatus$.subscribe(),
        session.encryptionKey$.subscribe(({ own }) => (keys += own ? 0 : 1)),
        session.trace$.subscribe(),
      ];
      const joined = session
        .join({ mode, leaveOn: hangUp$ })
        .subscribe({ complete: () => (hasEnded = true), error: () => (failures += 1) });
      wait(5_000);
      const outgoing = {
        roomId,
        slot,
        memberId: `${bob}:${laptop}`,
        deviceId: laptop,
        keyIndex: 0,
        sentTs: Date.now(),
      };
      const { type, content } = keyMessage("io.element.call.encryption_keys", {
        ...outgoing,
        key: new Uint8Array(16).fill(done % 251),
      });
      client.toDevice$.next({ type, sender: bob, content, proof: { deviceId: laptop, crossSigned: true } });
      wait(20_000);
      // Two ways to leave.
      if (done % 4 < 2) hangUp$.next();
      else joined.unsubscribe();
      wait(5_000);
      if ((done % 4 < 2 && !hasEnded) || keys !== 1 || members < 1) failures += 1;
      for (const subscription of watching) subscription.unsubscribe();
      client.forgetEnded();
      onJoin?.(done);
      // Weak references hold on until a turn of the event loop ends.
      if (done % turnEvery === 0) await new Promise((resolve) => void setImmediate(resolve));
    }
    wait(3_600_000);
    const subjects = [client.changes$, client.toDevice$];
    return {
      timers: clock.timersOf(clock.server),
      subscriptions: subjects.filter(({ observed }) => observed).length,
      delayedEvents: client.delayed.size,
      members: session.membership$.value.filter(({ userId }) => userId !== bob).length,
      failures,
    };
  } finally {
    restore();
  }
}
