// Play: lets facts happen in a room, for a client and its projection, and logs them for the oracle.
import type { RoomChange, StickyEvent } from "../../src/matrix.ts";
import { Projection } from "../../src/membership/projection.ts";
import { wholeRoom } from "../../src/room/room-changes.ts";
import { roomCall, roomId } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import {
  decrypted,
  type Fact,
  stateEventOf,
  type StateFact,
  stickyEventOf,
  type StickyFact,
} from "../support/history.ts";
import { byEvent, type Happening } from "./oracle.ts";

export class Play {
  readonly client = new FakeClient();
  readonly log: Happening[] = [];
  readonly projection: Projection;
  now = 0;
  readonly #ids: ReadonlyMap<Fact, string>;
  /** The events that have arrived, oldest first. */
  readonly #arrived: { readonly fact: StateFact | StickyFact; readonly eventId: string }[] = [];
  readonly #held = new Map<string, { readonly fact: StickyFact; readonly event: StickyEvent }>();

  constructor(facts: readonly Fact[], strictSlots: boolean) {
    this.#ids = new Map(facts.map((fact, index) => [fact, `$${1000 + index}`]));
    this.client.enter(roomId);
    this.projection = new Projection(this.client, {
      roomId,
      slot: roomCall,
      strictSlots,
      requireSlotEncryption: false,
    });
    this.projection.refresh(wholeRoom(roomId), this.now);
  }

  /** Lets facts happen together, in one batch of changes. */
  batch(facts: readonly Fact[]): void {
    this.#emit(facts.flatMap((fact) => this.#happen(fact)));
  }

  #emit(changes: readonly RoomChange[]): void {
    if (changes.length > 0) this.#note({ kind: "batch", ts: this.now });
    this.projection.refresh(changes, this.now);
    this.client.emit(...changes);
  }

  /** Redacts events that have arrived, in one batch of changes. */
  redact(facts: Iterable<Fact>): void {
    this.#emit(Array.from(facts, (fact) => this.#redact(this.#ids.get(fact) ?? "")).flat());
  }

  #redact(eventId: string, isInPlace = false): readonly RoomChange[] {
    this.#held.delete(eventId);
    this.#note({ kind: "redaction", ts: this.now, eventId });
    return this.client.redact(roomId, eventId, isInPlace);
  }

  #note(...happenings: readonly Happening[]): void {
    this.log.push(...happenings);
  }

  #happen(fact: Fact): readonly RoomChange[] {
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
        const hasChanged = fact.isDecrypted && held.event.encryption === "undecryptable";
        return [this.#arrive(held.fact, hasChanged ? decrypted(held.fact, held.event) : held.event)];
      }
      case "redaction": {
        const arrived = this.#arrived.at(-1 - fact.of);
        return arrived ? this.#redact(arrived.eventId, fact.isInPlace) : [];
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
        // The client makes new copies of its events, as after leaving and entering the room.
        client.copyState(roomId);
        for (const { fact: known, event } of this.#held.values()) this.#arrive(known, event);
        return [{ kind: "room", roomId }];
      case "wait":
        throw new Error("time passes between batches");
    }
  }

  #arrive(fact: StickyFact, event: StickyEvent): RoomChange {
    const { eventId, receivedTs } = event;
    this.#held.set(eventId, { fact, event });
    const isReadable = event.encryption !== "undecryptable";
    this.#note({ kind: "sticky", ts: this.now, event: { fact, eventId, receivedTs, isReadable } });
    return this.client.keep(roomId, event);
  }

  /** Lets time pass: the projection is refreshed at its deadlines, as a timer would do it. */
  until(ts: number): void {
    for (
      let due = this.projection.fold.deadlineTs;
      due !== undefined && due <= ts;
      due = this.projection.fold.deadlineTs
    ) {
      this.projection.refresh([], due);
    }
    this.now = ts;
  }

  get seen() {
    const members = this.projection.fold.members.map(({ eventId }) => eventId);
    const rejections = this.projection.fold.rejections.map(({ eventId, reason, path, untilTs }) => ({
      eventId,
      reason,
      ...(path !== undefined && { path }),
      ...(untilTs !== undefined && { untilTs }),
    }));
    return { members, rejections: rejections.toSorted(byEvent) };
  }
}
