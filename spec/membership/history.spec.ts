import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StickyEvent, News } from "../../src/matrix.ts";
import { View } from "../../src/membership/view.ts";
import { everythingIn } from "../../src/news.ts";
import { roomCall, roomId } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import {
  decrypted,
  type Fact,
  history,
  shuffled,
  stateEventOf,
  type StateFact,
  stickyEventOf,
  type StickyFact,
} from "../support/history.ts";
import { runs } from "../support/properties.ts";
import { byEvent, endsAfter, expectedAt, type Happening } from "./oracle.ts";

/** A room in which facts happen: to a client and its view, and into the log that the oracle goes by. */
class Play {
  readonly client = new FakeClient();
  readonly log: Happening[] = [];
  readonly view: View;
  now = 0;
  readonly #ids: ReadonlyMap<Fact, string>;
  /** What has arrived, oldest first. */
  readonly #arrived: { readonly fact: StateFact | StickyFact; readonly eventId: string }[] = [];
  readonly #held = new Map<string, { readonly fact: StickyFact; readonly event: StickyEvent }>();

  constructor(facts: readonly Fact[], strictSlots: boolean) {
    this.#ids = new Map(facts.map((fact, index) => [fact, `$${1000 + index}`]));
    this.client.enter(roomId);
    this.view = new View(this.client, { roomId, slot: roomCall, strictSlots, requireSlotEncryption: false });
    this.view.look(everythingIn(roomId), this.now);
  }

  /** Lets facts happen at once and tells of them in one batch. */
  batch(facts: readonly Fact[]): void {
    this.view.look(
      facts.flatMap((fact) => this.#happen(fact)),
      this.now,
    );
  }

  #note(...happenings: readonly Happening[]): void {
    this.log.push(...happenings);
  }

  #happen(fact: Fact): readonly News[] {
    const { client, now: ts } = this;
    const eventId = this.#ids.get(fact) ?? "";
    switch (fact.kind) {
      case "state":
        this.#arrived.push({ fact, eventId });
        this.#note({ kind: "state", ts, fact, eventId });
        return [client.setState(roomId, stateEventOf(fact, eventId, ts))];
      case "sticky":
        this.#arrived.push({ fact, eventId });
        return [this.#arrive(fact, stickyEventOf(fact, eventId, ts))];
      case "again": {
        const held = [...this.#held.values()].at(-1 - fact.of);
        if (!held) return [];
        const isNews = fact.isDecrypted && held.event.encryption === "undecryptable";
        return [this.#arrive(held.fact, isNews ? decrypted(held.fact, held.event) : held.event)];
      }
      case "redaction": {
        const arrived = this.#arrived.at(-1 - fact.of);
        if (!arrived) return [];
        this.#held.delete(arrived.eventId);
        this.#note({ kind: "redaction", ts, eventId: arrived.eventId });
        return client.redact(roomId, arrived.eventId);
      }
      case "presence":
        this.#note({ ts, ...fact });
        return [client.setMembership(roomId, fact.userId, fact.isJoined ? "join" : "leave")];
      case "slot":
        this.#note({ ts, ...fact });
        return [client.setSlot(roomId, roomCall, { status: fact.status, application: { type: "m.call" } })];
      case "encryption":
        this.#note({ ts, ...fact });
        return [client.encrypt(roomId)];
      case "room":
        for (const { fact: known, event } of this.#held.values()) this.#arrive(known, event);
        return [{ kind: "room", roomId }];
      case "wait":
        throw new Error("time passes between batches");
    }
  }

  #arrive(fact: StickyFact, event: StickyEvent): News {
    const { eventId, receivedTs } = event;
    this.#held.set(eventId, { fact, event });
    const isReadable = event.encryption !== "undecryptable";
    this.#note({ kind: "sticky", ts: this.now, event: { fact, eventId, receivedTs, isReadable } });
    return this.client.keep(roomId, event);
  }

  /** Lets time pass as a timer for the deadline would, and looks no sooner than that. */
  until(ts: number): void {
    for (let due = this.view.deadlineTs; due !== undefined && due <= ts; due = this.view.deadlineTs) {
      this.view.look([], due);
    }
    this.now = ts;
  }

  get seen() {
    const members = this.view.members.map(({ eventId }) => eventId);
    const rejections = this.view.rejections.map(({ eventId, reason, path, untilTs }) => ({
      eventId,
      reason,
      ...(path !== undefined && { path }),
      ...(untilTs !== undefined && { untilTs }),
    }));
    return { members, rejections: rejections.toSorted(byEvent) };
  }
}

const numRuns = runs(10_000);

/** `toEqual`, without its price where there is nothing to tell. */
function expectSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

describe("Whatever happens in a room", { timeout: 120_000 }, () => {
  it("the incremental list is that of a fold from scratch, at every instant, with the same reasons and their ends", () => {
    fc.assert(
      fc.property(history(12), fc.boolean(), (batches, strictSlots) => {
        const play = new Play(batches.flat(), strictSlots);
        for (const batch of batches) {
          const facts = batch.filter(({ kind }) => kind !== "wait");
          if (facts.length > 0) play.batch(facts);
          expectSame(play.seen, expectedAt(play.log, strictSlots, play.now));
          const untilTs = batch.reduce((ts, fact) => (fact.kind === "wait" ? ts + fact.ms : ts), play.now);
          for (const ts of [...endsAfter(play.log, play.now), untilTs]) {
            if (ts > untilTs) continue;
            play.until(ts);
            expectSame(play.seen, expectedAt(play.log, strictSlots, ts));
          }
        }
      }),
      { numRuns },
    );
  });

  it("the order in which it happens is nothing to the list", () => {
    fc.assert(
      fc.property(shuffled, ([facts, otherwise]) => {
        const [play, other] = [new Play(facts, false), new Play(facts, false)];
        play.batch(facts);
        for (const fact of otherwise) other.batch([fact]);
        expect(other.seen).toEqual(play.seen);
        expect(other.view.members).toEqual(play.view.members);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("a part of it and then the rest give what all at once gives", () => {
    fc.assert(
      fc.property(history(5), fc.nat(), (batches, cut) => {
        const facts = batches.flat().filter(({ kind }) => kind !== "wait");
        const at = cut % (facts.length + 1);
        const [whole, parts] = [new Play(facts, true), new Play(facts, true)];
        whole.batch(facts);
        parts.batch(facts.slice(0, at));
        parts.batch(facts.slice(at));
        expect(parts.seen).toEqual(whole.seen);
        expect(parts.view.members).toEqual(whole.view.members);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("who reads the room for the first time sees what one sees who has watched all along", () => {
    fc.assert(
      fc.property(shuffled, fc.boolean(), ([, facts], strictSlots) => {
        const play = new Play(facts, strictSlots);
        for (const fact of facts) play.batch([fact]);
        const options = { roomId, slot: roomCall, strictSlots, requireSlotEncryption: false };
        const fresh = new View(play.client, options, play.view.members);
        fresh.look(everythingIn(roomId), play.now);
        expect(fresh.members).toBe(play.view.members);
        expect(fresh.rejections.toSorted(byEvent)).toEqual(play.view.rejections.toSorted(byEvent));
      }),
      { numRuns: numRuns / 5 },
    );
  });
});
