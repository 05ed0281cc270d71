// joinIdle: an hour in which one joined member only restarts its delayed leave, over the port in memory.
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Figure } from "../figure.ts";
import { type Effort, inTurns } from "../measure.ts";

const script = new URL("../join-hour.ts", import.meta.url);

export async function joinIdle({ turns }: Effort): Promise<Figure[]> {
  const us = await inTurns(turns, { ours: hourUs }, 0);
  const what = "CPU for each restart of the delayed leave, in the first hour of one member with nothing else to do";
  return [{ ...us, name: "joinIdle", what, unit: "us", goal: { atMost: 40 } }];
}

async function hourUs(): Promise<number> {
  const [us] = (await once(fork(script), "message")) as [number];
  return us;
}
