// Invariant 2, no ghosts: a membership is written only while a delayed leave is live, and goes when its page has gone.
import { type TrueMember, willRemove } from "./truth.ts";
import type { Page } from "./page.ts";
import type { Step } from "./scenario.ts";
import type { Invariant, SimulatedDevice, World } from "./world.ts";

/** Requests that were on their way when a page ended have arrived after this time. */
const drainedMs = 90_000;

/** A leave takes no longer than this and a few round trips. */
const leaveMs = 3_000;
const isHarmless: ReadonlySet<Step["act"]> = new Set(["join", "leave", "close", "kill", "intent", "reload"]);

/** A clock is looked at this often. */
const lookMs = 5_000;

/** A page whose clock is set back, and that sleeps before it looks at the clock again, cannot know for how long it slept. */
const hasSleptUnseen = (steps: readonly Step[], index: number): boolean =>
  steps.some(
    ({ act, device, atMs, ms = 0 }) =>
      act === "clock" &&
      device === index &&
      ms < 0 &&
      steps.some(
        (later) => later.act === "sleep" && later.device === index && later.atMs >= atMs && later.atMs <= atMs + lookMs,
      ),
  );

interface Ended {
  readonly device: number;
  readonly page: Page;
  readonly atMs: number;
  readonly how: string;
}

export class Ghosts implements Invariant {
  #ended: Ended[] = [];

  onPageEnd(world: World, { index }: SimulatedDevice, page: Page): void {
    if (page.traits.client === "ours")
      this.#ended.push({ device: index, page, atMs: world.clock.ms, how: "a dead page" });
  }

  onJoinEnd(world: World, { index }: SimulatedDevice, page: Page): void {
    const how = page.end === "completed" ? "a page that has left" : "a page whose join has failed";
    if (page.traits.client === "ours") this.#ended.push({ device: index, page, atMs: world.clock.ms, how });
  }

  onMembershipWritten(world: World, { index }: SimulatedDevice, page: Page): void {
    const guard = world.server.guardOf(page.life);
    if (guard.isUnsupported || guard.unanswered > 0 || guard.untilMs > world.clock.ms) return;
    if (hasSleptUnseen(world.scenario.steps, index)) return;
    world.violate(
      2,
      "a membership is written without a live delayed leave",
      index,
      `the last confirmed one ended at ${guard.untilMs} ms`,
    );
  }

  onTick(world: World): void {
    const { ms } = world.clock;
    const { pending } = world.server.delayed;
    this.#ended = this.#ended.filter((ended) => {
      const { page, atMs, device, how } = ended;
      if (this.#mustBeGone(world, ended))
        for (const member of world.trueMembers())
          if (member.page === page.life)
            world.violate(2, "a page has left, and its membership stays", device, `${member.kind} ${member.key}`);
      if (ms - atMs < drainedMs) return true;
      const isBack = world.devices[device]?.page === page && page.status !== "out";
      const mine = isBack ? [] : world.trueMembers().filter((member) => member.page === page.life);
      for (const member of mine) {
        if (world.server.guardOf(page.life).isUnsupported || this.#isExcused(world, member)) continue;
        if (pending.some((delayed) => willRemove(delayed, member))) continue;
        world.violate(
          2,
          `the membership of ${how} stays, and no delayed leave will end it`,
          device,
          `${member.kind} ${member.key}, until ${member.untilTs - world.now} ms from now`,
        );
      }
      return mine.length > 0;
    });
  }

  atEnd(world: World): void {
    const isOfSdk = ({ userId, deviceId }: TrueMember) =>
      world.devices.some(
        (device) => device.userId === userId && device.traits.deviceId === deviceId && device.traits.client === "sdk",
      );
    for (const member of world.trueMembers().filter((one) => !isOfSdk(one)))
      world.violate(2, "a membership stays for a day", undefined, `${member.kind} ${member.key}`);
  }

  /** Where nothing goes wrong, a page that lives on has left after a few round trips. */
  #mustBeGone({ scenario, clock, devices }: World, { page, atMs, device }: Ended): boolean {
    const { latencyMs, syncMs } = scenario.server;
    const isOut =
      (page.end === "completed" || page.end === "closed") && page.status === "out" && page.joinStartedMs <= atMs;
    const isAwake = page.life.state === "awake" && devices[device]?.page === page;
    const isQuiet = scenario.faults.length === 0 && scenario.steps.every(({ act }) => isHarmless.has(act));
    return isOut && isAwake && isQuiet && clock.ms - atMs > leaveMs + 8 * latencyMs + syncMs;
  }

  /** Whether the server may have lost a delayed leave. It drops the leave of a user who is not in the room. */
  #isExcused({ scenario: { steps, faults, server }, devices }: World, { userId }: TrueMember): boolean {
    return (
      !server.delayedEvents ||
      steps.some(({ act, device }) => act === "kick" && devices[device]?.userId === userId) ||
      steps.some(({ act }) => act === "lose-delayed" || act === "overwrite") ||
      faults.some(({ kind }) => kind === "no-delayed-events" || kind.startsWith("refused"))
    );
  }
}
