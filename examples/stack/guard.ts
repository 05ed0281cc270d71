// Runs one command for as long as somebody holds the other end of our standard input. The system closes that pipe
// however the holder ends, SIGKILL included, so nothing that runs below a guard outlives the stack.
import { spawn } from "node:child_process";

const patienceMs = 5_000;
const [command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });

child.once("error", (error) => {
  console.error(error.message);
  process.exit(127);
});
child.once("exit", (code) => process.exit(code ?? 1));

function stop() {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), patienceMs);
}
process.stdin.once("end", stop).once("error", stop).resume();
process.once("SIGTERM", stop).once("SIGINT", stop).once("SIGHUP", stop);
