// JoinHour: the CPU that each restart of the delayed leave costs in the first hour of a joined member. It runs in a process
// of its own, so that it includes the compilation of code, as in a page. It sends the microseconds to its parent.
import { EMPTY, of } from "rxjs";
import { encryptedSession } from "matrixrtc-rx/encryption";
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

encryptedSession(port, { roomId, slot }).join().subscribe();
clock.advance(1_000);
restarted = 0;
const before = process.cpuUsage();
clock.advance(hourMs);
const { user, system } = process.cpuUsage(before);
if (Math.abs(restarted - restarts) > 1) throw new Error(`${restarted} restarts in an hour`);
process.send?.((user + system) / restarted);
process.exit();
