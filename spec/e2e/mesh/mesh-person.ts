// MeshPerson: somebody in a call that is a mesh, and what their page shows of it.
import type { MeshTrace } from "matrixrtc-rx/webrtc";
import type { Browser } from "playwright-core";
import { type Account, joinRoom, register } from "../account.ts";
import type { SeenPeer } from "../pages/mesh.ts";
import type { ScenarioContext } from "../scenario.ts";
import { openTab, type Tab } from "../tab.ts";
import { until } from "../until.ts";

const frames = 12;

export class MeshPerson {
  readonly tab: Tab;
  readonly account: Account;

  constructor(tab: Tab, account: Account) {
    this.tab = tab;
    this.account = account;
  }

  get userId(): string {
    return this.account.userId;
  }

  join = (): Promise<void> => this.tab.page.evaluate(() => window.meshPage!.join());
  leave = (): Promise<void> => this.tab.page.evaluate(() => window.meshPage!.leave());
  mute = (isMuted: boolean): Promise<void> => this.tab.page.evaluate((is) => window.meshPage!.mute(is), isMuted);
  show = (camera: boolean, screen: boolean): Promise<void> =>
    this.tab.page.evaluate((pictures) => window.meshPage!.show(pictures), { camera, screen });
  see = (): Promise<readonly SeenPeer[]> => this.tab.page.evaluate(() => window.meshPage?.see() ?? []);
  trace = (): Promise<readonly MeshTrace[]> => this.tab.page.evaluate(() => window.meshPage!.traced());

  async peer({ userId }: MeshPerson): Promise<SeenPeer | undefined> {
    return (await this.see()).find((peer) => peer.userId === userId);
  }

  /** Waits until more frames of somebody have been shown. */
  async decodes(other: MeshPerson, withinMs = 15_000, of: "frames" | "screenFrames" = "frames"): Promise<void> {
    let first: number | undefined;
    await until(
      `${this.tab.name} decodes ${frames} ${of} of ${other.tab.name}`,
      async () => {
        const peer = await this.peer(other);
        if (!peer || peer.connection !== "connected") return false;
        // Another track begins at 0 again.
        first = Math.min(first ?? peer[of], peer[of]);
        return peer[of] >= first + frames;
      },
      withinMs,
    ).catch(async (error: unknown) => {
      const views = await Promise.all([this.#report(), other.#report()]);
      throw new Error([String(error), ...views].join("\n    "));
    });
  }

  async #report(): Promise<string> {
    const trace = (await this.trace()).slice(-20).map((entry) => JSON.stringify(entry));
    return [`${this.tab.name}: ${JSON.stringify(await this.see())}`, ...trace].join("\n    ");
  }

  /** From the join to the first frame of each other one. */
  timesToFirstFrame(): Promise<readonly number[]> {
    return this.tab.page.evaluate(() =>
      window.meshPage!.firstFramesAt().map((time) => time - window.meshPage!.joinedAt()),
    );
  }
}

/** Some people in one room, with running clients, none of them in the call yet. */
export async function meshPeople(
  { world, enter }: ScenarioContext,
  names: readonly string[],
  options: { readonly encrypted?: boolean; readonly browsers?: Readonly<Record<string, Browser>> } = {},
): Promise<readonly MeshPerson[]> {
  const { homeserver } = world.stack;
  const accounts = await Promise.all(names.map((name) => register(homeserver, name)));
  const roomId = await createCallRoom(accounts[0]!, options.encrypted ?? true);
  for (const account of accounts.slice(1)) await joinRoom(account, roomId);
  const userIds = accounts.map(({ userId }) => userId);
  const mode = world.mode === "matrix_2_0" ? ("matrix_2_0" as const) : ("compatibility" as const);
  return Promise.all(
    accounts.map(async (account, index) => {
      const name = names[index]!;
      const browser = options.browsers?.[name] ?? world.browser;
      const tab = await enter(openTab({ ...world, browser }, name, `${world.pages}mesh.html`));
      await tab.page.evaluate((setup) => window.startMesh(setup), { account, roomId, userIds, mode });
      return new MeshPerson(tab, account);
    }),
  );
}

/** A room in which everybody may be a member of the call. */
export async function createCallRoom({ homeserver, accessToken }: Account, encrypted: boolean): Promise<string> {
  const response = await fetch(`${homeserver}/_matrix/client/v3/createRoom`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({
      preset: "public_chat",
      initial_state: [
        { type: "m.room.join_rules", state_key: "", content: { join_rule: "public" } },
        ...(encrypted
          ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }]
          : []),
      ],
      power_level_content_override: { events: { "org.matrix.msc3401.call.member": 0 } },
    }),
  });
  const { room_id: roomId } = (await response.json()) as { room_id: string };
  return roomId;
}

/** Waits until each decodes each other one. */
export async function allDecode(
  people: readonly MeshPerson[],
  withinMs?: number,
  of?: "frames" | "screenFrames",
): Promise<void> {
  await Promise.all(
    people.flatMap((one) => people.flatMap((other) => (other === one ? [] : [one.decodes(other, withinMs, of)]))),
  );
}
