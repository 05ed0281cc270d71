// Invariants 5 and 6: a leaver does not hold a key that is used later than its exposure allows, and nobody encrypts with a key
// that was not offered to all members. Invariant 4, a part: each new key has the next index.
import { rotationCost } from "../../src/keys/rotation-cost.ts";
import type { Device } from "../../src/matrix.ts";
import type { Page } from "./page.ts";
import type { Invariant, SimulatedDevice, World } from "./world.ts";

/** Timers fire, and deliveries begin, within this time. */
const slackMs = 300;
/** A member that is shown for this long must have been offered the key in use. */
const offeredMs = 5_000;

/** What one page has done with its keys. */
interface Keys {
  /** The devices that each of its keys was sent to. */
  readonly offered: Map<string, Set<string>>;
  /** Since when each member is shown, by user and device. */
  shownSince: Map<string, number>;
  /** The present stay as the page shows it, and since when. */
  selfInstance: string | undefined;
  selfSince: number;
  /** When each device that it has offered a key left its list. */
  readonly goneSince: Map<string, number>;
  /** Until when its sleep explains what is late. */
  asleepUntilMs: number;
  /** For how long a leaver may hold the key in use. */
  readonly exposureMs: number;
  /** The index of the key in use; -1 before the first one. */
  usedIndex: number;
}

export class KeySecrecy implements Invariant {
  readonly #keys = new Map<Page, Keys>();

  onMembers(world: World, _: SimulatedDevice, page: Page): void {
    const keys = this.#of(page);
    const { ms } = world.clock;
    const now = new Map<string, number>();
    for (const { userId, deviceId } of page.members) {
      const name = nameOf({ userId, deviceId });
      now.set(name, keys.shownSince.get(name) ?? ms);
      keys.goneSince.delete(name);
    }
    for (const name of keys.shownSince.keys()) if (!now.has(name)) keys.goneSince.set(name, ms);
    keys.shownSince = now;
    const instance = page.members.find(
      ({ participantIdentity }) => participantIdentity === page.media.identity,
    )?.instance;
    if (instance !== keys.selfInstance) keys.selfSince = ms;
    keys.selfInstance = instance;
  }

  onKeyOffered(
    world: World,
    { index: sender, traits }: SimulatedDevice,
    page: Page,
    to: readonly Device[],
    index: number,
    key: string,
  ): void {
    const keys = this.#of(page);
    const devices = keys.offered.get(key) ?? new Set<string>();
    keys.offered.set(key, devices);
    if (to.length === 0) devices.add(everybody);
    for (const device of to) {
      devices.add(nameOf(device));
      const isMember = keys.shownSince.has(nameOf(device));
      if (!isMember && !world.presumes)
        world.violate(
          5,
          "a key is sent to a device that is no member",
          sender,
          `#${index} to ${nameOf(device)} by ${traits.user}`,
        );
      // Its earlier stay has ended, and the join of its present stay cannot be read here: a presumed member, and no leaver.
      if (!isMember && isInCall(world, device)) keys.goneSince.delete(nameOf(device));
    }
    if (page.status === "leaving" || page.end !== undefined)
      world.violate(5, "a key is sent after leaving", sender, `#${index}`);
  }

  /** A key with the index of the one before would replace it at the receivers, while it is still in use. */
  onKeyUsed(world: World, { index: device }: SimulatedDevice, page: Page): void {
    const { own } = page.media;
    if (!own || page.traits.client !== "ours") return;
    const keys = this.#of(page);
    const expected = (keys.usedIndex + 1) % 256;
    keys.usedIndex = own.index;
    // Each stay begins with 0.
    if (own.index !== expected && own.index !== 0)
      world.violate(4, "a new key has not the next index", device, `#${own.index} instead of #${expected}`);
  }

  onStep(world: World, { act, device }: { readonly act: string; readonly device: number }): void {
    const page = world.devices[device]?.page;
    if (page && act === "wake") this.#of(page).asleepUntilMs = world.clock.ms;
  }

  onTick(world: World): void {
    const { ms } = world.clock;
    for (const { index, page, traits } of world.devices) {
      if (!page || page.life.state !== "awake" || page.status !== "joined" || traits.client !== "ours") continue;
      const { own } = page.media;
      if (!own) continue;
      const keys = this.#of(page);
      const offered = keys.offered.get(own.key) ?? new Set<string>();
      const self = nameOf({ userId: `@${traits.user}:example.org`, deviceId: traits.deviceId });
      // The others get our keys from the moment the room shows us.
      const selfSinceMs = keys.selfSince;
      const shows = page.members.some(({ participantIdentity }) => participantIdentity === page.media.identity);
      const isShown = shows && selfSinceMs >= page.joinStartedMs;
      if (isShown && !offered.has(everybody))
        for (const [name, sinceMs] of keys.shownSince) {
          if (name === self || offered.has(name)) continue;
          const waitMs = ms - Math.max(sinceMs, selfSinceMs, keys.asleepUntilMs, page.joinedSinceMs);
          if (waitMs > offeredMs)
            world.violate(
              6,
              "a member encrypts with a key that it did not offer to another",
              index,
              `#${own.index} not to ${name}, for ${waitMs} ms`,
            );
        }
      if (offered.has(everybody)) continue;
      for (const [name, goneMs] of keys.goneSince) {
        if (!offered.has(name)) continue;
        const exposedMs = ms - Math.max(goneMs, keys.asleepUntilMs, page.joinedSinceMs);
        if (exposedMs > keys.exposureMs)
          world.violate(
            5,
            "a leaver holds the key in use for longer than its exposure allows",
            index,
            `${name} holds #${own.index} for ${exposedMs} ms, the bound is ${keys.exposureMs} ms`,
          );
      }
    }
  }

  #of(page: Page): Keys {
    let keys = this.#keys.get(page);
    if (!keys) {
      keys = {
        offered: new Map(),
        shownSince: new Map(),
        goneSince: new Map(),
        selfInstance: undefined,
        selfSince: 0,
        asleepUntilMs: 0,
        exposureMs: rotationCost(page.traits.rotation ?? {}, traffic).leaverExposureMs + slackMs,
        usedIndex: -1,
      };
      this.#keys.set(page, keys);
    }
    return keys;
  }
}

/** Whether the page of a device is in the call, by what it knows itself. */
function isInCall(world: World, { userId, deviceId }: Device): boolean {
  return world.devices.some(
    (device) => device.userId === userId && device.traits.deviceId === deviceId && device.page?.status === "joined",
  );
}

const everybody = "everybody";
const traffic = { members: 2, joinsPerHour: 0, leavesPerHour: 0 };
const nameOf = ({ userId, deviceId }: Device): string => `${userId}/${deviceId}`;
