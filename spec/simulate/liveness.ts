// Invariants 3 and 4, liveness: after trouble, each device that wants to be in the call
// is in it, and each member can decrypt each other member.
import { lastTroubleMs, recoveryMs } from "./bounds.ts";
import type { Page } from "./page.ts";
import type { Invariant, SimulatedDevice, World } from "./world.ts";

/** For how long a status may differ from what the media layer sees. */
const statusMs = 8_000;

export class Liveness implements Invariant {
  /** Since when two pages do not decrypt, or a status is wrong. */
  #since: ReadonlyMap<string, number> = new Map();
  #nextSince = new Map<string, number>();

  onTick(world: World): void {
    const { ms } = world.clock;
    for (const device of world.devices) {
      const { page } = device;
      if (!page || page.life.state !== "awake" || !device.wantsIn || page.traits.client !== "ours") continue;
      // What a clock that was set has done to a member shows when the room changes next, however late that is.
      const lateMs = world.devicesWith("clock").has(device.index) ? page.joinedUntilMs : 0;
      const calmMs = ms - Math.max(lastTroubleMs(world.scenario, ms), device.sinceMs, lateMs);
      if (calmMs > recoveryMs(world.scenario, device.traits)) this.#checkMember(world, device, page);
    }
    if (world.scenario.server.encrypted) this.#checkKeys(world);
  }

  onJoinEnd(world: World, { index, wantsIn }: SimulatedDevice, page: Page): void {
    if (!wantsIn || page.end === "completed" || page.end === "closed" || page.traits.client !== "ours") return;
    const { faults, steps } = world.scenario;
    const isRefused = faults.some(({ kind }) => kind.startsWith("refused")) || steps.some(({ act }) => act === "kick");
    if (isRefused) return;
    // The leave before, or this one, was not confirmed in a time that the options may make short.
    if (page.end === "leave-timeout") return;
    const isFirst = !page.hasJoined;
    if (isFirst && faults.length > 0) return;
    world.violate(3, `a join ends with ${page.end} although nothing was refused`, index, "");
  }

  #checkMember(world: World, { index, userId, traits }: SimulatedDevice, page: Page): void {
    if (page.status !== "joined")
      return world.violate(3, `a join is still ${page.status} long after the last trouble`, index, "");
    if (page.probablyLeft) return world.violate(3, "a member says that it has probably left, long after", index, "");
    const isThere = world
      .trueMembers()
      .some((member) => member.userId === userId && member.deviceId === traits.deviceId);
    if (!isThere) world.violate(3, "a page says that it is in the call, and the server does not have it", index, "");
  }

  #checkKeys(world: World): void {
    const { ms } = world.clock;
    this.#nextSince = new Map();
    const views = world.devices.flatMap((device) => viewOf(device) ?? []);
    for (const { device: receiver, page, shown } of views)
      for (const { device: sender, page: other, shown: shownToOther } of views) {
        const { identity } = other.media;
        const areBothSeen = shown.has(identity) && shownToOther.has(page.media.identity);
        if (receiver === sender || !areBothSeen || !this.#isPromised(world, receiver, sender)) continue;
        const result = page.media.resultOf(other.media);
        if (identity === undefined || result === undefined) continue;
        const status = page.encryptionOf(identity);
        const isAlarmed =
          result === "ok" && page.media.identity !== undefined && other.saysUnreached(page.media.identity);
        const isWrong = page.traits.client === "ours" && (status === "ok") !== (result === "ok");
        if (result === "ok" && !isWrong && !isAlarmed) continue;
        const name = `${page.life.name} of ${other.life.name}`;
        const boundInCalm = () => {
          const calmMs = ms - Math.max(lastTroubleMs(world.scenario, ms), receiver.sinceMs, sender.sinceMs);
          const boundMs = Math.max(...[receiver, sender].map(({ traits }) => recoveryMs(world.scenario, traits)));
          return calmMs > boundMs ? boundMs : undefined;
        };
        this.#checkFor(`${name} key`, result !== "ok", ms, boundInCalm, (lastedMs) =>
          world.violate(4, `a member cannot decrypt another: ${result}`, receiver.index, `${name}, for ${lastedMs} ms`),
        );
        this.#checkFor(`${name} unreached`, isAlarmed, ms, boundInCalm, (lastedMs) =>
          world.violate(
            4,
            "a member that can decrypt another is said to lack its key",
            sender.index,
            `${name}, for ${lastedMs} ms`,
          ),
        );
        // Only keys of the present stay count, although the media layer still has those of an earlier one.
        const isCautious = status !== "ok" && world.scenario.faults.length > 0;
        const boundOfStatus = isCautious ? () => undefined : status === "ok" ? () => statusMs : boundInCalm;
        this.#checkFor(`${name} status`, isWrong, ms, boundOfStatus, (lastedMs) =>
          world.violate(
            4,
            `the encryption status is ${status} although the media layer says ${result}`,
            receiver.index,
            `${name}, for ${lastedMs} ms`,
          ),
        );
      }
    this.#since = this.#nextSince;
  }

  /** The SDK promises less: its keys arrive only if nothing is lost. Between two of its sessions nothing is promised here. */
  #isPromised({ scenario }: World, ...pair: readonly SimulatedDevice[]): boolean {
    const sdks = pair.filter(({ traits }) => traits.client === "sdk").length;
    return (
      sdks === 0 || (sdks === 1 && scenario.faults.length === 0 && !scenario.steps.some(({ act }) => act !== "join"))
    );
  }

  #checkFor(
    name: string,
    isBad: boolean,
    ms: number,
    bound: () => number | undefined,
    violate: (lastedMs: number) => void,
  ): void {
    if (!isBad) return;
    const sinceMs = this.#since.get(name) ?? ms;
    this.#nextSince.set(name, sinceMs);
    const boundMs = bound();
    if (boundMs !== undefined && ms - sinceMs > boundMs) violate(ms - sinceMs);
  }
}

/** A page that is in the call and shows itself, and whom it shows. */
interface View {
  readonly device: SimulatedDevice;
  readonly page: Page;
  readonly shown: ReadonlySet<string | undefined>;
}

function viewOf(device: SimulatedDevice): View | undefined {
  const { page } = device;
  if (!page || page.life.state !== "awake" || page.status !== "joined") return undefined;
  const shown = new Set(page.members.map(({ participantIdentity }) => participantIdentity));
  return page.media.identity !== undefined && shown.has(page.media.identity) ? { device, page, shown } : undefined;
}
