// Invariant 1, convergence: what a page shows live is what a session that is opened now shows.
// In the calm, all pages show the members that the server has.
import { lastTroubleMs, lateTimerMs, recoveryMs } from "./bounds.ts";
import type { Page, SeenMember } from "./page.ts";
import type { Step } from "./scenario.ts";
import type { ServerEvent } from "../../src/testing/virtual-room.ts";
import type { TrueMember } from "./truth.ts";
import type { Invariant, SimulatedDevice, World } from "./world.ts";

/** How long the way of an event to all pages may take in the calm. */
const syncedMs = 3_000;
const everyTick = 4;
/** Without a sync response, only the end of a membership changes what a page shows. Such a page is compared this often. */
const quietMs = 10_000;

/** When a page was compared with a fresh one, and how many sync responses it had received. */
interface Compared {
  readonly atMs: number;
  readonly received: number;
}

export class Convergence implements Invariant {
  #next = 0;
  /** Since when a page differs from the truth. */
  readonly #differsSince = new Map<Page, number>();
  readonly #compared = new Map<Page, Compared>();
  /** Since when a page lacks a member whose event it cannot read, by both. */
  #lacksSince: ReadonlyMap<string, number> = new Map();

  onTick(world: World): void {
    const awake = world.devices.filter(({ page }) => page?.life.state === "awake");
    // A fresh session reads everything, so one page at a time, and not at each tick.
    this.#next += 1;
    const one = awake[Math.floor(this.#next / everyTick) % Math.max(1, awake.length)];
    if (one && this.#next % everyTick === 0) this.#compareWithFresh(world, one);
    for (const device of awake) this.#compareWithTruth(world, device);
    this.#checkLateUsers(world, awake);
  }

  /** A renewal is not a join: it says when the stay began. A late write may be of an earlier stay, so only without faults. */
  onEvent(world: World, _: ServerEvent, member: TrueMember | undefined): void {
    if (member?.kind !== "state" || !isUndisturbed(world)) return;
    const device = world.devices.find(({ page }) => page?.life === member.page);
    if (device?.page?.status !== "joined" || device.page.traits.client !== "ours" || member.saidTs !== undefined)
      return;
    world.violate(1, "a renewal is a join for the others", device.index, inWords([member]));
  }

  atEnd(world: World): void {
    for (const device of world.devices) if (device.page?.life.state === "awake") this.#compareWithFresh(world, device);
  }

  #compareWithFresh(world: World, { index, page, link: { received } }: SimulatedDevice): void {
    // A client does not notice that its wall clock was set, until something happens.
    if (world.devicesWith("clock").has(index)) return;
    if (hasLateTimers(world, page!)) return;
    const atMs = world.clock.ms;
    const last = this.#compared.get(page!);
    if (last?.received === received && atMs - last.atMs < quietMs) return;
    this.#compared.set(page!, { atMs, received });
    const difference = world.clock.as(page!.life, () => page!.differenceFromFresh());
    if (difference !== undefined) world.violate(1, "live and fresh differ", index, difference);
  }

  /** Users who enter the room later are sent the memberships again that they cannot read. */
  #checkLateUsers(world: World, awake: readonly SimulatedDevice[]): void {
    const { ms } = world.clock;
    const lacksSince = new Map<string, number>();
    const members = world.trueMembers().filter(({ readers }) => readers);
    for (const { index, userId, page, traits } of members.length > 0 ? awake : [])
      for (const member of members) {
        if (page!.traits.client !== "ours" || !world.isInRoom(userId) || isReadable(member, userId)) continue;
        const sender = awake.find((device) => device.page?.life === member.page && device.traits.client === "ours");
        if (sender?.page?.status !== "joined" || page!.members.some((shown) => isSame(shown, member))) continue;
        const name = `${page!.life.name} ${member.key}`;
        const sinceMs = this.#lacksSince.get(name) ?? ms;
        lacksSince.set(name, sinceMs);
        const calmMs = ms - Math.max(sinceMs, lastTroubleMs(world.scenario, ms));
        if (calmMs > Math.max(...[traits, sender.traits].map((of) => recoveryMs(world.scenario, of))))
          world.violate(1, "a user who entered the room later does not see a member", index, inWords([member]));
      }
    this.#lacksSince = lacksSince;
  }

  /** The oldest member by a state event comes first. A page with a wrong clock, or late syncs, may doubt when a member began. */
  #checkOrder(world: World, index: number, shown: readonly SeenMember[], truth: readonly TrueMember[]): void {
    const began = shown.flatMap((seen) => truth.find((member) => isSame(seen, member))?.beganTs ?? []);
    if (began.every((ts, at) => at === 0 || began[at - 1]! <= ts)) return;
    world.violate(1, "a page shows a younger member before an older one", index, inWords(shown));
  }

  #compareWithTruth(world: World, { index, userId, page, link }: SimulatedDevice): void {
    if (!page || page.traits.client !== "ours" || !link.isIdle || !world.isInRoom(userId)) return;
    if (world.devicesWith("clock").has(index)) return;
    // A clock that is wrong moves the end of a membership.
    const wrongMs = Math.abs(page.life.aheadMs) + 1_000;
    const inTruth = (ts: number) => world.truth.at(ts).filter((member) => world.isInRoom(member.userId));
    const missing = inTruth(world.now + wrongMs).filter(
      (member) => isReadable(member, userId) && !page.members.some((shown) => isSame(shown, member)),
    );
    // A page may show an earlier event of a member whose newest event it cannot read.
    const possible = inTruth(world.now - wrongMs);
    // Who enters the room again may hold a sticky join, and cannot read the leave that was sent meanwhile.
    const wasOut = [...world.devicesWith("enter-room")].some((device) => world.devices[device]?.userId === userId);
    const surplus = page.members.filter(
      (shown) => !possible.some((member) => isSame(shown, member)) && !(wasOut && shown.kind === "sticky"),
    );
    if (missing.length === 0 && surplus.length === 0 && isUndisturbed(world))
      this.#checkOrder(world, index, page.members, possible);
    const { ms } = world.clock;
    if (missing.length === 0 && (surplus.length === 0 || hasLateTimers(world, page))) {
      this.#differsSince.delete(page);
      return;
    }
    const sinceMs = this.#differsSince.get(page) ?? ms;
    this.#differsSince.set(page, sinceMs);
    const calmSinceMs = Math.max(sinceMs, lastTroubleMs(world.scenario, ms));
    // Who lacks the members of the room looks them up, and tries again if that fails.
    const hasForgotten = world.devicesWith("forget-members").has(index);
    if (ms - calmSinceMs > (hasForgotten ? recoveryMs(world.scenario, page.traits) : syncedMs))
      world.violate(
        1,
        "a page does not show the members that the server has",
        index,
        `lacks ${inWords(missing)}; shows ${inWords(surplus)} too much`,
      );
  }
}

const isCalm: ReadonlySet<Step["act"]> = new Set(["join", "leave", "close", "intent"]);
/** Nothing but people who come and go. */
const isUndisturbed = ({ scenario: { faults, steps, devices } }: World): boolean =>
  faults.length === 0 && steps.every(({ act }) => isCalm.has(act)) && devices.every(({ aheadMs = 0 }) => aheadMs === 0);
/** Its timers have stopped in a sleep, so it may show the end of a membership later. */
const hasLateTimers = ({ clock }: World, { life }: Page): boolean =>
  life.stopsTime && clock.ms - life.wokeMs <= lateTimerMs;
const isSame = (a: SeenMember, b: TrueMember): boolean =>
  a.deviceId === b.deviceId && a.userId === b.userId && a.kind === b.kind;
const inWords = (members: readonly (SeenMember | TrueMember)[]): string =>
  members.map(({ kind, userId, deviceId }) => `${kind} ${userId} ${deviceId}`).join(", ") || "nothing";
const isReadable = ({ readers }: TrueMember, userId: string): boolean => !readers || readers.has(userId);
