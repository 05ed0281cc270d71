// The recipes: an announcer plays a tone from a file into a call, and a recorder writes what it hears to files.
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readWav, WavFile } from "../../../examples/recipes/wav.ts";
import { createRoom, joinRoom, password, register } from "../account.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { isTone, toneSamples } from "../../node-member/tone.ts";

const sampleRate = 48_000;
const hz = 700;
const toneMs = 5_000;
const windowMs = 50;

export const scenario: Scenario = {
  name: "61. A recorder writes to a file what an announcer plays from a file",
  async run({ world: { stack } }) {
    const folder = await mkdtemp(join(tmpdir(), "matrixrtc-rx-"));
    const accounts = [await register(stack.homeserver, "recorder"), await register(stack.homeserver, "announcer")];
    const [recorderAccount, announcerAccount] = accounts as [(typeof accounts)[0], (typeof accounts)[0]];
    const roomId = await createRoom(recorderAccount, { invite: [announcerAccount.userId] });
    await joinRoom(announcerAccount, roomId);
    const tone = new WavFile(join(folder, "tone.wav"), sampleRate);
    tone.write(toneSamples(hz, sampleRate, 0, (sampleRate * toneMs) / 1_000));
    tone.close();

    const start = (recipe: string, userId: string, more: Record<string, string>) =>
      startRecipe(recipe, {
        HOMESERVER: stack.homeserver,
        USER_ID: userId,
        PASSWORD: password,
        ROOM_ID: roomId,
        ...more,
      });
    const recordings = join(folder, "recordings");
    const recorder = start("recorder", recorderAccount.userId, { FOLDER: recordings });
    const announcer = start("announcer", announcerAccount.userId, { FILE: tone.path });
    try {
      await until("the announcer ends", async () => announcer.code() !== undefined, 60_000);
      assert(announcer.code() === 0, `the announcer failed: ${announcer.lines.join("\n")}`);
      recorder.process.kill("SIGINT");
      await until("the recorder ends", async () => recorder.code() !== undefined, 20_000);
      assert(recorder.code() === 0, `the recorder failed: ${recorder.lines.join("\n")}`);
      const files = await readdir(recordings);
      assert(files.length === 1, `${files.length} files were written`);
      const heard = toneIn(join(recordings, files[0]!));
      assert(heard.heardMs > 0.9 * toneMs, `only ${heard.heardMs} ms of ${toneMs} ms were recorded`);
      return { "tone played ms": toneMs, "tone recorded ms": heard.heardMs, "file ms": heard.fileMs };
    } finally {
      await Promise.all([recorder, announcer].map(({ end }) => end()));
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function startRecipe(name: string, settings: Record<string, string>) {
  const program = fileURLToPath(new URL(`../../../examples/recipes/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...settings } });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => lines.push(text));
  return {
    process: child,
    lines,
    code: () => child.exitCode ?? (child.signalCode ? 1 : undefined),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function toneIn(path: string) {
  const { samples, sampleRate: rate } = readWav(path);
  const size = (rate * windowMs) / 1_000;
  let heardMs = 0;
  for (let at = 0; at + size <= samples.length; at += size)
    if (isTone(samples.subarray(at, at + size), rate, hz)) heardMs += windowMs;
  return { heardMs, fileMs: Math.round((1_000 * samples.length) / rate) };
}
