// Runs inside the network of a cut-off browser: passes its own ports on to the machine at the other end of the cable.
import { forward, forwardUdp } from "./network.ts";

const [host = "", tcp = "[]", udp = "[]"] = process.argv.slice(2);
const ports = (list: string): readonly number[] => JSON.parse(list);
await Promise.all([
  ...ports(tcp).map((port) => forward("127.0.0.1", port, host, port)),
  ...ports(udp).map((port) => forwardUdp("127.0.0.1", port, host, port)),
]);
console.log("listens");
