// Person: a user of the call app: presses its buttons, and reads its inspection.
import { nameFor, password } from "./account.ts";
import type { CallInspection, InspectedMember, KeyCounts, WallTimes } from "./pages/probes/inspection.ts";
import type { KeyMessage } from "./pages/probes/key-messages.ts";
import type { Mark, MemberMark } from "./pages/probes/marks.ts";
import { assert, until } from "./until.ts";
import { type Tab, openTab } from "./tab.ts";
import type { World } from "./world.ts";

const pageMs = 60_000;
const camera = "320x180@12";

export interface Inspected extends WallTimes {
  readonly marks: Partial<Record<Mark, number>>;
  readonly memberMarks: Readonly<Record<string, Partial<Record<MemberMark, number>>>>;
  readonly members: readonly InspectedMember[];
}

/** A member whose media we receive, and when it began to encrypt with each of its keys, by the wall clock. */
export interface Sender {
  readonly name: string;
  readonly identity: string | undefined;
  readonly ownKeysTs: readonly number[];
}

type Device = "Mic" | "Camera" | "Screen";

export class Person {
  readonly tab: Tab;
  readonly userId: string;

  constructor(tab: Tab, userId: string) {
    this.tab = tab;
    this.userId = userId;
  }

  get name(): string {
    return this.tab.name;
  }

  /** Creates a room. Resolves with its link. */
  async createRoom(): Promise<string> {
    const { page } = this.tab;
    await page.getByRole("button", { name: "Create room" }).click({ timeout: pageMs });
    await page.getByRole("button", { name: "Join call" }).waitFor({ timeout: pageMs });
    return page.url();
  }

  async join(): Promise<void> {
    await this.tab.page.getByRole("button", { name: "Join call" }).click({ timeout: pageMs });
  }

  async leave(): Promise<void> {
    await this.tab.page.getByRole("button", { name: "Leave" }).click();
  }

  /** Turns a device off during a call. It stays off in the next call. */
  turnOff = (device: Device): Promise<void> => this.#turn(device, false);
  turnOn = (device: Device): Promise<void> => this.#turn(device, true);

  async #turn(device: Device, isOn: boolean): Promise<void> {
    const button = (pressed: boolean) => this.tab.page.getByRole("button", { name: device, exact: true, pressed });
    await button(!isOn).click();
    await button(isOn).waitFor();
  }

  /** The states of our membership since we joined. */
  states(): Promise<readonly string[]> {
    return this.tab.page.evaluate(() => window.callInspection?.states() ?? []);
  }

  /** When we entered the room, by the clock of the homeserver. */
  enteredRoomTs(): Promise<number> {
    return this.tab.page.evaluate(async () => {
      const { homeserver, accessToken, userId } = JSON.parse(sessionStorage.getItem("matrixrtc-rx account")!);
      const room = encodeURIComponent(new URLSearchParams(location.hash.slice(1)).get("room")!);
      const headers = { Authorization: `Bearer ${accessToken}` };
      const response = await fetch(`${homeserver}/_matrix/client/v3/rooms/${room}/state`, { headers });
      const events: { type: string; state_key: string; origin_server_ts: number }[] = await response.json();
      return events.find((event) => event.type === "m.room.member" && event.state_key === userId)!.origin_server_ts;
    });
  }

  /** What the page shows of the call. Undefined outside of a call. */
  look(): Promise<Inspected | undefined> {
    return this.tab.page.evaluate(() => {
      const inspection: CallInspection | undefined = window.callInspection;
      return (
        inspection && {
          ...inspection.wallTimes(),
          marks: inspection.marks(),
          memberMarks: inspection.memberMarks(),
          members: inspection.members(),
        }
      );
    });
  }

  /** This person as a sender of media. Undefined outside of a call. */
  async sender(): Promise<Sender | undefined> {
    const { members, ownKeysTs } = (await this.look()) ?? {};
    return (
      members && ownKeysTs && { name: this.name, identity: members.find(({ isOwn }) => isOwn)?.identity, ownKeysTs }
    );
  }

  async see(userId: string): Promise<InspectedMember | undefined> {
    return (await this.look())?.members.find((member) => member.userId === userId);
  }

  /** The member of a user. Fails if the user is not in the call. */
  async member(userId: string): Promise<InspectedMember> {
    const member = await this.see(userId);
    assert(member !== undefined, `${this.name} does not see ${userId}`);
    return member;
  }

  /** The index of the key that we encrypt with. */
  async ownKeyIndex(): Promise<number | undefined> {
    return (await this.see(this.userId))?.keyIndexes.at(-1);
  }

  /** Sender and index of the key messages that have reached this device, in the call or not. */
  keyMessages(): Promise<readonly KeyMessage[]> {
    return this.tab.page.evaluate(() => window.keyMessages ?? []);
  }

  /** What happened to keys since we joined. */
  keyCounts(): Promise<KeyCounts> {
    return this.tab.page.evaluate(() => window.callInspection!.keyCounts());
  }

  async resetGaps(): Promise<void> {
    await this.tab.page.evaluate(() => window.callInspection?.resetGaps());
  }

  /** Waits until `frames` more frames of a user are decoded, encrypted, with a closed lock and the status `ok`. */
  async decodes(userId: string, { frames = 20, withinMs = 30_000 } = {}): Promise<InspectedMember> {
    let first: number | undefined;
    let seen: object = { seen: false };
    return until(
      () => `${this.name} decodes ${frames} frames of ${userId}, but ${JSON.stringify(seen)}`,
      async () => {
        const member = await this.see(userId);
        if (!member) return undefined;
        // A new connection counts from 0.
        first = Math.min(first ?? member.framesDecoded, member.framesDecoded);
        const { framesDecoded, encrypted, lock, encryption, asksForVideo } = member;
        seen = { first, framesDecoded, encrypted, lock, status: encryption?.status, asksForVideo };
        const isWell = encrypted && lock === "closed" && encryption?.status === "ok";
        return framesDecoded >= first + frames && isWell && member;
      },
      withinMs,
    );
  }
}

/** Opens the call app and registers. */
export async function person(world: World, name: string, link = world.app): Promise<Person> {
  const url = new URL(link);
  url.searchParams.set("homeserver", world.stack.homeserver);
  url.searchParams.set("camera", camera);
  url.searchParams.set("mode", world.mode);
  if (world.onJoin) url.searchParams.set("onJoin", world.onJoin);
  const tab = await openTab(world, name, url.href);
  const userName = nameFor(name);
  const { page } = tab;
  await page.getByLabel("User name").fill(userName);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Register" }).click();
  const either = page.getByRole("button", { name: /Create room|Join call/ });
  await either.waitFor({ timeout: pageMs });
  return new Person(tab, `@${userName}:${world.stack.serverName}`);
}
