// Invariants: what must hold at each moment of a simulation, whatever goes wrong. docs/simulation.md lists them.
import type { Device } from "../../src/matrix.ts";
import type { ServerEvent } from "../../src/testing/virtual-room.ts";
import { Budgets } from "./budgets.ts";
import { Convergence } from "./convergence.ts";
import { Ghosts } from "./ghosts.ts";
import { KeySecrecy } from "./key-secrecy.ts";
import { Leftovers } from "./leftovers.ts";
import { Liveness } from "./liveness.ts";
import type { Page } from "./page.ts";
import type { Step } from "./scenario.ts";
import type { SentRequest } from "./server.ts";
import type { TrueMember } from "./truth.ts";
import type { SimulatedDevice, World } from "./world.ts";

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

export class Invariants implements Required<Invariant> {
  readonly #all: readonly Invariant[] = [
    new Convergence(),
    new Ghosts(),
    new Liveness(),
    new KeySecrecy(),
    new Budgets(),
    new Leftovers(),
  ];

  onStep(...args: Parameters<Required<Invariant>["onStep"]>): void {
    for (const one of this.#all) one.onStep?.(...args);
  }
  onRequest(...args: Parameters<Required<Invariant>["onRequest"]>): void {
    for (const one of this.#all) one.onRequest?.(...args);
  }
  onEvent(...args: Parameters<Required<Invariant>["onEvent"]>): void {
    for (const one of this.#all) one.onEvent?.(...args);
  }
  onMembers(...args: Parameters<Required<Invariant>["onMembers"]>): void {
    for (const one of this.#all) one.onMembers?.(...args);
  }
  onJoinEnd(...args: Parameters<Required<Invariant>["onJoinEnd"]>): void {
    for (const one of this.#all) one.onJoinEnd?.(...args);
  }
  onPageEnd(...args: Parameters<Required<Invariant>["onPageEnd"]>): void {
    for (const one of this.#all) one.onPageEnd?.(...args);
  }
  onMembershipWritten(...args: Parameters<Required<Invariant>["onMembershipWritten"]>): void {
    for (const one of this.#all) one.onMembershipWritten?.(...args);
  }
  onKeyUsed(...args: Parameters<Required<Invariant>["onKeyUsed"]>): void {
    for (const one of this.#all) one.onKeyUsed?.(...args);
  }
  onKeyOffered(...args: Parameters<Required<Invariant>["onKeyOffered"]>): void {
    for (const one of this.#all) one.onKeyOffered?.(...args);
  }
  onTick(world: World): void {
    for (const one of this.#all) one.onTick?.(world);
  }
  afterLeave(world: World): void {
    for (const one of this.#all) one.afterLeave?.(world);
  }
  atEnd(world: World): void {
    for (const one of this.#all) one.atEnd?.(world);
  }
}
