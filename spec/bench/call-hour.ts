// CallHour: the time of an hour of a quiet call of ten on the virtual homeserver. It runs in a process of its own, so that it
// includes the compilation of code, as in the first test of a file. It sends the milliseconds to its parent.
import { marbles, play } from "matrixrtc-rx/testing";

const names = ["alice", "bob", "carl", "dora", "emil", "fay", "gus", "hana", "ivo", "joy"];
const lines = Object.fromEntries(names.map((name) => [name, "j 60m l"]));

const startMs = performance.now();
marbles((m) => {
  const { alice } = play(m, { alice: "j 60m l", ...lines });
  m.expect(alice.members$, "59m ^ 30s !").toEmit(`59m ${names.join(" ")}`);
})();
process.send?.(performance.now() - startMs);
process.exit();
