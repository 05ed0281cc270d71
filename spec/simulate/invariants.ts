// Invariants: what must hold at each moment of a simulation, whatever goes wrong. docs/simulation.md lists them.
import { Budgets } from "./budgets.ts";
import { Convergence } from "./convergence.ts";
import { Ghosts } from "./ghosts.ts";
import { KeySecrecy } from "./key-secrecy.ts";
import { Leftovers } from "./leftovers.ts";
import { Liveness } from "./liveness.ts";
import type { Invariant, World } from "./world.ts";

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
