// Guard: runs one command until our standard input closes. The system closes that pipe when the process at its other end
// ends in any way, SIGKILL included. So no command outlives the stack.
import { spawn } from "node:child_process";

const stopTimeoutMs = 5_000;
const [command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });

child.once("error", (error) => {
  console.error(error.message);
  process.exit(127);
});
child.once("exit", (code) => process.exit(code ?? 1));

function stop() {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
}
process.stdin.once("end", stop).once("error", stop).resume();
process.once("SIGTERM", stop).once("SIGINT", stop).once("SIGHUP", stop);
