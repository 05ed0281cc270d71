// callHour: an hour of a quiet call of ten on the virtual homeserver, as the first test of a process.
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Figure } from "../figure.ts";
import { type Effort, inTurns } from "../measure.ts";

const script = new URL("../call-hour.ts", import.meta.url);

export async function callHour({ turns }: Effort): Promise<Figure[]> {
  const ms = await inTurns(turns, { ours: hourMs }, 0);
  const what = "an hour of a quiet call of ten with matrixrtc-rx/testing, as the first test of a process";
  return [{ ...ms, name: "callHour", what, unit: "ms", goal: { atMost: 300 } }];
}

async function hourMs(): Promise<number> {
  const [ms] = (await once(fork(script), "message")) as [number];
  return ms;
}
