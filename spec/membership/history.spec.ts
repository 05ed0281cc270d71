import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Projection } from "../../src/membership/projection.ts";
import { wholeRoom } from "../../src/room/room-changes.ts";
import type { Membership } from "../../src/types.ts";
import { roomCall, roomId } from "../support/contents.ts";
import { history, shuffled } from "../support/history.ts";
import { runs } from "../support/properties.ts";
import { byEvent, endsAfter, expectedAt } from "./oracle.ts";
import { Play } from "./play.ts";

const numRuns = runs(10_000);

/** The instance differs for a client that saw a leave between two joins. */
const withoutInstance = (member: Membership) => ({ ...member, instance: undefined });

/** `toEqual`, but fast if there is no difference. */
function expectSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

describe("After any history of a room", { timeout: 120_000 }, () => {
  it("the list, the rejections and their ends are those of a plain fold from scratch, at every time", () => {
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

  it("the list does not depend on the order of events", () => {
    fc.assert(
      fc.property(shuffled, ({ facts, otherwise, redacted }) => {
        const [play, other] = [new Play(facts, false), new Play(facts, false)];
        play.batch(facts);
        play.redact(redacted);
        for (const fact of otherwise) {
          other.batch([fact]);
          if (redacted.has(fact)) other.redact([fact]);
        }
        expect(other.seen).toEqual(play.seen);
        expect(other.projection.fold.members.map(withoutInstance)).toEqual(
          play.projection.fold.members.map(withoutInstance),
        );
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("the list is the same whether the events come in two batches or in one", () => {
    fc.assert(
      fc.property(history(5), fc.nat(), (batches, cut) => {
        const facts = batches.flat().filter(({ kind }) => kind !== "wait");
        const at = cut % (facts.length + 1);
        const [whole, parts] = [new Play(facts, true), new Play(facts, true)];
        whole.batch(facts);
        parts.batch(facts.slice(0, at));
        parts.batch(facts.slice(at));
        expect(parts.seen).toEqual(whole.seen);
        expect(parts.projection.fold.members).toEqual(whole.projection.fold.members);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("a new projection shows the same list and rejections as one that has watched", () => {
    fc.assert(
      fc.property(shuffled, fc.boolean(), ({ otherwise: facts, redacted }, strictSlots) => {
        const play = new Play(facts, strictSlots);
        for (const fact of facts) play.batch([fact]);
        for (const fact of redacted) play.redact([fact]);
        const options = { roomId, slot: roomCall, strictSlots, requireSlotEncryption: false };
        const fresh = new Projection(play.client, options, play.projection.fold.members);
        fresh.refresh(wholeRoom(roomId), play.now);
        expect(fresh.fold.members).toBe(play.projection.fold.members);
        expect(fresh.fold.rejections.toSorted(byEvent)).toEqual(play.projection.fold.rejections.toSorted(byEvent));
      }),
      { numRuns: numRuns / 5 },
    );
  });
});
