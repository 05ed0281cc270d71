// The bot of the recipes, as a process of its own beside a member of ours.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { expect, inject, it, onTestFinished } from "vitest";
import { device, registerUser, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { slot } from "./watch.ts";

interface Bot {
  readonly process: ChildProcess;
  /** All that it has printed. */
  output(): string;
}

function startBot(account: { readonly userId: string; readonly password: string }, roomId: string): Bot {
  const settings = { HOMESERVER: inject("homeserver"), USER_ID: account.userId, PASSWORD: account.password };
  const bot = spawn(process.execPath, ["examples/recipes/bot.ts"], {
    env: { ...process.env, ...settings, ROOM_ID: roomId },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void bot.kill("SIGKILL"));
  let output = "";
  for (const stream of [bot.stdout, bot.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  return { process: bot, output: () => output };
}

it("the bot ends on SIGINT while others are in the call, and works again when it is started again", async (context) => {
  const [alice, account] = [await device("alice"), await registerUser("bot")];
  const roomId = await roomOf(alice);
  await alice.client.invite(roomId, account.userId);
  await account.join(roomId);
  const session = encryptedSession(alice.matrix, { roomId, slot });
  const joined = session.join().subscribe();
  onTestFinished(() => joined.unsubscribe());

  for (const run of ["first", "second"]) {
    const bot = startBot(account, roomId);
    const statusOfBot = () =>
      [...session.encryptionStatus$.value.values()].find(({ userId }) => userId === account.userId);
    await until(() => statusOfBot()?.status === "ok");
    await until(() => bot.output().includes(`joined; in the call: ${alice.userId}`));

    const stopAt = performance.now();
    bot.process.kill("SIGINT");
    const [code] = await once(bot.process, "exit");
    figure(context, `${run} run: from SIGINT to the end of the process`, inMs(performance.now() - stopAt));
    expect(code, bot.output()).toBe(0);
    await until(() => session.membership$.value.length === 1);
  }
});
