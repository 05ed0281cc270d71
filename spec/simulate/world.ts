// World: a scenario that happens: the server, the devices with their pages, the media between them, and the history so far.
import { config } from "rxjs";
import type { Device } from "../../src/matrix.ts";
import { virtualClient } from "../../src/testing/virtual-client.ts";
import type { ServerEvent } from "../../src/testing/virtual-room.ts";
import { hashOf } from "./chance.ts";
import { Life, SimulatedClock, startTs } from "./clock.ts";
import { Media } from "./media.ts";
import { Network } from "./network.ts";
import { OurPage } from "./our-page.ts";
import type { Page, PageEvents } from "./page.ts";
import { seededCrypto } from "./seeded-crypto.ts";
import type { DeviceTraits, Scenario, Step } from "./scenario.ts";
import { type DeviceLink, type SentRequest, SimulatedServer } from "./server.ts";
import { type TrueMember, Truth } from "./truth.ts";

/** A promise that an invariant makes is broken. */
export interface Violation {
  readonly invariant: number;
  /** In which way, in words that are the same for each case of the same fault. */
  readonly how: string;
  readonly atMs: number;
  readonly device: number | undefined;
  readonly about: string;
}

export interface LogLine {
  readonly ms: number;
  readonly device: number | undefined;
  readonly text: string;
}

export interface SimulatedDevice {
  readonly index: number;
  readonly traits: DeviceTraits;
  readonly userId: string;
  readonly link: DeviceLink;
  page: Page | undefined;
  /** Whether it wants to be in the call: true after `join`, false after it has left, died or failed. */
  wantsIn: boolean;
  /** When that has changed. */
  sinceMs: number;
  pageCount: number;
}

/** One invariant: it looks at what happens, and says `world.violate` when its promise is broken. */
export interface Invariant {
  onStep?(world: World, step: Step): void;
  onRequest?(world: World, request: SentRequest): void;
  onEvent?(world: World, event: ServerEvent, member: TrueMember | undefined): void;
  onMembers?(world: World, device: SimulatedDevice, page: Page): void;
  onJoinEnd?(world: World, device: SimulatedDevice, page: Page): void;
  onPageEnd?(world: World, device: SimulatedDevice, page: Page): void;
  onMembershipWritten?(world: World, device: SimulatedDevice, page: Page): void;
  onKeyUsed?(world: World, device: SimulatedDevice, page: Page): void;
  onKeyOffered?(
    world: World,
    device: SimulatedDevice,
    page: Page,
    to: readonly Device[],
    index: number,
    key: string,
  ): void;
  /** Now and then. */
  onTick?(world: World): void;
  /** A while after everybody has left. */
  afterLeave?(world: World): void;
  /** A day later. */
  atEnd?(world: World): void;
}

/** Loaded only for scenarios with such devices: the SDK is large. */
let sdkPage: typeof import("./sdk-page.ts").SdkPage | undefined;

export async function loadSdk(): Promise<void> {
  sdkPage ??= (await import("./sdk-page.ts")).SdkPage;
}

const none: ReadonlySet<number> = new Set();

/** The newest lines of a log that are kept. */
const maxLines = 6_000;

export class World {
  readonly scenario: Scenario;
  readonly clock: SimulatedClock;
  readonly server: SimulatedServer;
  readonly media: Media;
  readonly truth: Truth = new Truth();
  readonly devices: SimulatedDevice[] = [];
  readonly roomId: string;
  readonly pages: Page[] = [];
  readonly lines: LogLine[] = [];
  violation: Violation | undefined;
  /** Whether pages may send keys to members that they presume, because they cannot read their events. */
  get presumes(): boolean {
    return this.devicesWith("kick").size + this.devicesWith("enter-room").size > 0;
  }
  /** Changes with each line of the log. */
  logHash = 0;
  readonly #invariants: Required<Invariant>;
  readonly #devicesWith = new Map<Step["act"], Set<number>>();

  constructor(scenario: Scenario, invariants: Required<Invariant>) {
    this.scenario = scenario;
    this.#invariants = invariants;
    for (const { act, device } of scenario.steps)
      this.#devicesWith.set(act, (this.#devicesWith.get(act) ?? new Set()).add(device));
    this.clock = new SimulatedClock((error) => this.violate(8, "thrown in a timer", undefined, describe(error)));
    const network = new Network(scenario, this.clock);
    this.server = new SimulatedServer(scenario, this.clock, network, (request) => this.#onRequest(request));
    this.media = new Media(this.clock);
    this.roomId = this.server.rooms.create();
  }

  get now(): number {
    return startTs + this.clock.ms;
  }

  /** Replaces what the platform has: the clock, random numbers, the place of unhandled errors. Returns the way back. */
  install(): () => void {
    const restoreClock = this.clock.install();
    const restoreCrypto = seededCrypto(() => this.clock.life, this.scenario.seed);
    config.onUnhandledError = (error: unknown) => this.violate(8, "unhandled error", undefined, describe(error));
    const onRejection = (error: unknown) => this.violate(8, "unhandled rejection", undefined, describe(error));
    process.on("unhandledRejection", onRejection);
    return () => {
      process.off("unhandledRejection", onRejection);
      config.onUnhandledError = null;
      restoreCrypto();
      restoreClock();
    };
  }

  /** Makes the room and plans what happens in it. */
  begin(): void {
    const { devices, steps, faults, server } = this.scenario;
    this.server.rooms.event$.subscribe((event) => this.#onEvent(event));
    const users = [...new Set(devices.map(userIdOf))];
    const [creator = "@nobody:example.org"] = users;
    const set = (type: string, content: object, stateKey = "") =>
      this.server.rooms.add(this.roomId, { type, sender: creator, stateKey, content });
    set("m.room.create", { room_version: "11" });
    for (const userId of users) set("m.room.member", { membership: "join" }, userId);
    set("m.room.power_levels", { state_default: 50, users: { [creator]: 100 }, events: { [memberType]: 0 } });
    if (server.encrypted) set("m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" });

    for (const [index, traits] of devices.entries()) {
      const userId = userIdOf(traits);
      const link = this.server.link(index, userId, traits.deviceId);
      const device = { index, traits, userId, link, page: undefined, wantsIn: false, sinceMs: 0, pageCount: 0 };
      this.devices.push(device);
      this.openPage(device);
    }
    for (const step of steps) this.clock.after(this.clock.server, step.atMs, () => this.#take(step));
    // When a fault ends, what it held back goes on.
    for (const { toMs } of faults)
      this.clock.after(this.clock.server, toMs, () => {
        for (const link of this.server.links) link.sync();
      });
    for (const { fromMs, toMs, kind } of faults) {
      if (kind !== "server-down") continue;
      this.clock.after(this.clock.server, fromMs, () => this.server.delayed.pause());
      this.clock.after(this.clock.server, toMs, () => {
        if (!this.server.network.isOn("server-down")) this.server.delayed.resume();
      });
    }
  }

  openPage(device: SimulatedDevice): void {
    const { traits, userId, link } = device;
    const life = new Life(`${nameOf(device)}.${(device.pageCount += 1)}`);
    life.aheadMs = device.page?.life.aheadMs ?? traits.aheadMs ?? 0;
    life.stopsTime = traits.stopsTime ?? false;
    link.open(life);
    const page = this.clock.as(life, () => {
      const { changes$, toDevice$, roomKey$ } = link.synced;
      // The streams as they are: here the pages have clocks of their own.
      const client = { ...virtualClient(this.server, userId, traits.deviceId), changes$, toDevice$, roomKey$ };
      const PageOf = traits.client === "sdk" ? sdkPage! : OurPage;
      return new PageOf(life, traits, client, link.synced, this.roomId, this.#eventsOf(device, life));
    });
    device.page = page;
    this.pages.push(page);
    this.media.add(page.media);
    this.#invariants.onMembers(this, device, page);
  }

  killPage(device: SimulatedDevice): void {
    const { page, link } = device;
    if (!page) return;
    link.close();
    this.media.remove(page.media);
    this.#want(device, false);
    this.#invariants.onPageEnd(this, device, page);
    this.clock.kill(page.life);
  }

  /** The devices that take a step of this kind at some time. */
  devicesWith(act: Step["act"]): ReadonlySet<number> {
    return this.#devicesWith.get(act) ?? none;
  }

  /** Whether a user is in the room. */
  isInRoom(userId: string): boolean {
    return this.server.rooms.get(this.roomId).joined.has(userId);
  }

  /** The truth about the members, by the clock of the server. */
  trueMembers(): TrueMember[] {
    return this.truth.at(this.now).filter(({ userId }) => this.isInRoom(userId));
  }

  log(device: number | undefined, text: string): void {
    const { ms } = this.clock;
    this.logHash = hashOf(`${ms} ${device} ${text}`, this.logHash || undefined);
    this.lines.push({ ms, device, text });
    if (this.lines.length > 2 * maxLines) this.lines.splice(0, maxLines);
  }

  violate(invariant: number, how: string, device: number | undefined, about: string): void {
    this.violation ??= { invariant, how, atMs: this.clock.ms, device, about };
  }

  /** Everybody who is in the call hangs up. */
  everybodyLeaves(): void {
    for (const device of this.devices) {
      this.#want(device, false);
      const { page } = device;
      if (page) this.clock.after(page.life, 0, () => page.leave());
    }
  }

  #take(step: Step): void {
    const device = this.devices[step.device];
    if (!device) return;
    this.log(step.device, `step ${step.act}${step.ms === undefined ? "" : ` ${step.ms}`}`);
    this.#invariants.onStep(this, step);
    const { page, userId } = device;
    const isAlive = page !== undefined && page.life.state !== "dead";
    const inPage = (act: (alive: Page) => void) => {
      if (isAlive) this.clock.after(page.life, 0, () => act(page));
    };
    const setRoomMember = (membership: string, sender: string) =>
      void this.server.rooms.add(this.roomId, {
        type: "m.room.member",
        sender,
        stateKey: userId,
        content: { membership },
      });
    switch (step.act) {
      case "join":
        if (!this.isInRoom(userId)) return;
        if (!isAlive) this.openPage(device);
        return this.#join(device);
      case "leave":
        this.#want(device, false);
        return inPage((alive) => alive.leave());
      case "close":
        this.#want(device, false);
        return inPage((alive) => alive.close());
      case "kill":
        return this.killPage(device);
      case "reload":
        this.killPage(device);
        this.openPage(device);
        if (this.isInRoom(userId)) this.#join(device);
        return;
      case "sleep":
        return page && this.clock.sleep(page.life);
      case "wake":
        return page && this.#wake(device);
      case "clock":
        if (page) page.life.aheadMs += step.ms ?? 0;
        return;
      case "intent":
        return inPage((alive) => alive.setIntent(`${step.atMs}`));
      case "kick":
        this.#want(device, false);
        return setRoomMember("leave", userIdOf(this.scenario.devices[0]!));
      case "enter-room":
        return this.isInRoom(userId) ? undefined : setRoomMember("join", userId);
      case "lose-delayed":
        return this.server.delayed.lose(userId);
      case "overwrite": {
        const mine = this.truth
          .at(this.now)
          .find(
            (member) =>
              member.kind === "state" && member.userId === userId && member.deviceId === device.traits.deviceId,
          );
        // A page cannot know that this was not its delayed leave, sent in spite of all restarts.
        if (mine && page) this.server.noteSent(page.life);
        if (mine)
          this.server.rooms.add(this.roomId, { type: memberType, sender: userId, stateKey: mine.key, content: {} });
        return;
      }
      case "break":
        return this.violate(8, "broken on purpose", step.device, "");
      case "forget-members":
        return inPage(() => {
          const { synced } = device.link;
          for (const other of this.devices) if (other.userId !== userId) synced.forgetMember(this.roomId, other.userId);
          synced.changes$.next([{ kind: "room", roomId: this.roomId }]);
        });
    }
  }

  wakeAll(): void {
    for (const device of this.devices) this.#wake(device);
  }

  #wake({ page, link }: SimulatedDevice): void {
    if (!page) return;
    this.clock.wake(page.life);
    link.sync();
  }

  #join(device: SimulatedDevice): void {
    const page = device.page!;
    this.#want(device, true);
    this.clock.after(page.life, 0, () => device.wantsIn && page.join());
  }

  #want(device: SimulatedDevice, wantsIn: boolean): void {
    if (device.wantsIn === wantsIn) return;
    device.wantsIn = wantsIn;
    device.sinceMs = this.clock.ms;
  }

  #eventsOf(device: SimulatedDevice, life: Life): PageEvents {
    const { index } = device;
    const of = (act: (page: Page) => void) => () => {
      if (life.state !== "dead" && device.page?.life === life) act(device.page);
    };
    return {
      log: (text) => this.log(index, text),
      membersChanged: of((page) => {
        this.log(index, `members ${page.members.map(({ participantIdentity }) => participantIdentity).join(" ")}`);
        this.#invariants.onMembers(this, device, page);
      }),
      statusChanged: of((page) => {
        if (page.end !== undefined && page.status === "out") {
          this.#invariants.onJoinEnd(this, device, page);
          this.#want(device, false);
        }
        this.media.changed(page.media);
      }),
      keyUsed: (keyIndex, key) =>
        of((page) => {
          page.media.own = { index: keyIndex, key, sinceMs: this.clock.ms };
          this.log(index, `uses #${keyIndex}`);
          this.#invariants.onKeyUsed(this, device, page);
          this.media.changed(page.media);
        })(),
      keyInstalled: (identity, keyIndex, key) =>
        of((page) => {
          page.media.install(identity, keyIndex, key);
          this.log(index, `installs #${keyIndex} of ${identity}`);
          this.media.changed(page.media);
        })(),
      keyOffered: (devices, { keyIndex, key }) =>
        of((page) =>
          this.#invariants.onKeyOffered(this, device, page, devices, keyIndex, Buffer.from(key).toString("base64")),
        )(),
      membershipWritten: of((page) => this.#invariants.onMembershipWritten(this, device, page)),
      ms: () => this.clock.ms,
      failed: (how, about) => this.violate(8, how, index, describe(about)),
    };
  }

  #onRequest(request: SentRequest): void {
    const { request: kind, to } = request;
    const type = request.type?.startsWith("org.matrix.msc") ? " membership" : "";
    this.log(request.device, `> ${kind}${type}${to ? ` to ${to.userId}/${to.deviceId}` : ""}`);
    this.#invariants.onRequest(this, request);
  }

  #onEvent(event: ServerEvent): void {
    const { actor } = this.server;
    const member = this.truth.add(event, this.clock.ms, actor);
    this.#invariants.onEvent(this, event, member);
  }
}

const memberType = "org.matrix.msc3401.call.member";

export const userIdOf = ({ user }: DeviceTraits): string => `@${user}:example.org`;
export const nameOf = ({ traits: { user, deviceId } }: Pick<SimulatedDevice, "traits">): string =>
  `${user}/${deviceId}`;
export const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ""}` : String(error);
