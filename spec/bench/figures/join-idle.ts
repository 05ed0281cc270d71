// joinIdle: an hour in which one joined member has nothing to do but to restart its delayed leave, over the port in memory.
import { EMPTY, of } from "rxjs";
import { rtcSession } from "matrixrtc-rx";
import { myUserId, roomId, roomMember, slot } from "../call-events.ts";
import { FakeClock } from "../fake-clock.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { MemoryPort } from "../memory-port.ts";

const hourMs = 3_600_000;
const restarts = 720;

export async function joinIdle({ turns }: Effort): Promise<Figure[]> {
  const us = await inTurns(turns, { ours: oursUs() });
  const what = "CPU for each restart of the delayed leave, in an hour of one joined member with nothing else to do";
  return [{ ...us, name: "joinIdle", what, unit: "us", goal: { atMost: 40 } }];
}

function oursUs(): () => Promise<number> {
  const clock = new FakeClock();
  clock.install();
  let restarted = 0;
  const port = Object.assign(new MemoryPort(), {
    delayedEventLimits: () => of({}),
    updateDelayedEvent: () => {
      restarted += 1;
      return EMPTY;
    },
  });
  port.take(port.prepare([roomMember(myUserId)]));
  rtcSession(port, { roomId, slot }).join().subscribe();
  clock.advance(hourMs);
  return async () => {
    restarted = 0;
    const ms = await elapsedMs([() => clock.advance(hourMs)]);
    if (Math.abs(restarted - restarts) > 1) throw new Error(`${restarted} restarts`);
    return (ms / restarts) * 1000;
  };
}
