// JoinHour: the CPU time of each restart of the delayed leave in the first hour of a join. It runs in its own process, so
// that the cost of the start is included, and sends the microseconds to its parent.
import { EMPTY, of } from "rxjs";
import { rtcSession } from "matrixrtc-rx";
import { myUserId, roomId, roomMember, slot } from "./call-events.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryPort } from "./memory-port.ts";

const hourMs = 3_600_000;
const restarts = 720;

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
port.apply(port.prepare([roomMember(myUserId)]));

const before = process.cpuUsage();
rtcSession(port, { roomId, slot }).join().subscribe();
clock.advance(hourMs);
const { user, system } = process.cpuUsage(before);
if (Math.abs(restarted - restarts) > 1) throw new Error(`${restarted} restarts in an hour`);
process.send?.((user + system) / restarted);
process.exit();
