// Caller: somebody who makes and takes 1:1 calls, by our library or by matrix-js-sdk's MatrixCall.
import { type Account, joinRoom, register } from "../account.ts";
import { createCallRoom } from "../mesh/mesh-person.ts";
import type { SeenCalls } from "../pages/voip.ts";
import type { ScenarioContext } from "../scenario.ts";
import { openTab, type Tab } from "../tab.ts";
import { until } from "../until.ts";

/** Which client: ours, the SDK's, or the SDK's with events of version 0. */
export type Client = "ours" | "sdk" | "sdk-v0";

const frames = 12;

export class Caller {
  readonly tab: Tab;
  readonly account: Account;

  constructor(tab: Tab, account: Account) {
    this.tab = tab;
    this.account = account;
  }

  get userId(): string {
    return this.account.userId;
  }

  call = (invitee?: string): Promise<void> => this.tab.page.evaluate((user) => window.callPage!.call(user), invitee);
  answer = (): Promise<void> => this.tab.page.evaluate(() => window.callPage!.answer());
  reject = (): Promise<void> => this.tab.page.evaluate(() => window.callPage!.reject());
  hangUp = (): Promise<void> => this.tab.page.evaluate(() => window.callPage!.hangUp());
  hold = (is: boolean): Promise<void> => this.tab.page.evaluate((value) => window.callPage!.hold(value), is);
  mute = (is: boolean): Promise<void> => this.tab.page.evaluate((value) => window.callPage!.mute(value), is);
  see = (): Promise<SeenCalls> => this.tab.page.evaluate(() => window.callPage!.see());

  /** When a state was reached first, after a time. */
  async reached(state: string, sinceTs: number, withinMs = 15_000): Promise<number> {
    return until(
      `${this.tab.name} is ${state}`,
      async () => (await this.see()).history.find((one) => one.ts >= sinceTs && one.state.startsWith(state))?.ts,
      withinMs,
    );
  }

  /** Waits until more frames have been shown. */
  async decodes(withinMs = 15_000): Promise<void> {
    let first: number | undefined;
    await until(
      `${this.tab.name} decodes ${frames} frames`,
      async () => {
        const { frames: now } = await this.see();
        first = Math.min(first ?? now, now);
        return now >= first + frames;
      },
      withinMs,
    );
  }

  async isFree(withinMs = 10_000): Promise<void> {
    await until(`${this.tab.name} has no call`, async () => (await this.see()).states.length === 0, withinMs);
  }
}

/** Two people in one room, with running clients. */
export async function callers(
  { world, enter }: ScenarioContext,
  clients: readonly [Client, Client],
  { answers = true, encrypted = true }: { readonly answers?: boolean; readonly encrypted?: boolean } = {},
): Promise<readonly [Caller, Caller]> {
  const { homeserver } = world.stack;
  const accounts = [await register(homeserver, "A"), await register(homeserver, "B")] as const;
  const roomId = await createCallRoom(accounts[0], encrypted);
  await joinRoom(accounts[1], roomId);
  const userIds = accounts.map(({ userId }) => userId);
  const open = async (index: 0 | 1): Promise<Caller> => {
    const [account, client] = [accounts[index], clients[index]];
    const page = client === "ours" ? "voip" : "sdk-call";
    const tab = await enter(openTab(world, index === 0 ? "A" : "B", `${world.pages}${page}.html`));
    const setup = { account, roomId, userIds, answers };
    if (client === "ours") await tab.page.evaluate((one) => window.startCalls(one), setup);
    else {
      const version = client === "sdk" ? (1 as const) : (0 as const);
      await tab.page.evaluate((one) => window.startSdkCalls(one), { ...setup, version });
    }
    return new Caller(tab, account);
  };
  const [a, b] = await Promise.all([open(0), open(1)]);
  return [a, b];
}

export const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
