// Runs inside the network of a cut-off browser: passes its own ports on to the machine at the other end of the cable.
import { forward } from "./network.ts";

const [host = "", ...ports] = process.argv.slice(2);
await Promise.all(ports.map((port) => forward("127.0.0.1", Number(port), host, Number(port))));
