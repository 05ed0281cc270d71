// Live equals fresh: a window that has followed a timeline shows what a new one reads from the client afterwards.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { TimelineEvent } from "../../../src/matrix.ts";
import { decoder } from "../../../src/room/streams/state-reader.ts";
import { TimelineWindow } from "../../../src/room/streams/timeline-window.ts";
import { runs } from "../../support/properties.ts";

type Happening =
  | { readonly kind: "message"; readonly isSecret: boolean }
  | { readonly kind: "edit" | "reaction" | "redaction" | "decryption"; readonly of: number }
  | { readonly kind: "again"; readonly of: number };

const at = fc.nat(30);
const happening: fc.Arbitrary<Happening & { readonly sender: string; readonly tsStep: number }> = fc
  .record({
    what: fc.oneof(
      { arbitrary: fc.record({ kind: fc.constant("message" as const), isSecret: fc.boolean() }), weight: 3 },
      {
        arbitrary: fc.record({
          kind: fc.constantFrom(
            "edit" as const,
            "reaction" as const,
            "redaction" as const,
            "decryption" as const,
            "again" as const,
          ),
          of: at,
        }),
        weight: 7,
      },
    ),
    sender: fc.constantFrom("@alice:x", "@bob:x"),
    tsStep: fc.integer({ min: -3, max: 3 }),
  })
  .map(({ what, ...more }) => Object.assign(more, what));

const text = (body: string) => ({ msgtype: "m.text", body });
const ciphertext = { algorithm: "m.megolm.v1.aes-sha2" };

/** A client: what its timeline holds, and what of it cannot be read yet. */
class Client {
  readonly timeline: TimelineEvent[] = [];
  readonly #secrets = new Map<string, TimelineEvent>();
  #ts = 100;

  /** Lets something happen, and gives the events that the port emits. */
  happen(what: Happening & { readonly sender: string; readonly tsStep: number }): readonly TimelineEvent[] {
    this.#ts += what.tsStep;
    const { timeline } = this;
    const known = "of" in what && timeline.length > 0 ? what.of % timeline.length : undefined;
    if (what.kind === "message")
      return [this.#add(what.sender, "m.room.message", text(`m${timeline.length}`), what.isSecret)];
    const target = known === undefined ? undefined : timeline[known];
    if (known === undefined || !target) return [];
    const relation = { event_id: target.eventId };
    switch (what.kind) {
      case "edit": {
        const body = `e${timeline.length}`;
        const content = {
          ...text(`* ${body}`),
          "m.new_content": text(body),
          "m.relates_to": { ...relation, rel_type: "m.replace" },
        };
        return [this.#add(what.sender, "m.room.message", content)];
      }
      case "reaction":
        return [
          this.#add(what.sender, "m.reaction", {
            "m.relates_to": { ...relation, rel_type: "m.annotation", key: "👍" },
          }),
        ];
      case "redaction": {
        // A redacted edit has lost its relation: one who reads it afterwards takes it for a redacted message.
        const isEdit = "m.new_content" in (target.content as object);
        if (isEdit || target.unsigned !== undefined) return [];
        const because = { sender: what.sender, content: { redacts: target.eventId } };
        timeline[known] = { ...target, content: {}, unsigned: { redacted_because: because } };
        this.#secrets.delete(target.eventId);
        return [this.#add(what.sender, "m.room.redaction", because.content)];
      }
      case "decryption": {
        const secret = this.#secrets.get(target.eventId);
        if (!secret) return [];
        timeline[known] = secret;
        return [secret];
      }
      default:
        return [target];
    }
  }

  #add(sender: string, type: string, content: object, isSecret = false): TimelineEvent {
    const eventId = `$${String(this.timeline.length).padStart(3, "0")}`;
    const event: TimelineEvent = {
      type,
      sender,
      eventId,
      originServerTs: this.#ts,
      encryption: isSecret ? "decrypted" : "cleartext",
      content,
    };
    const wire: TimelineEvent = isSecret
      ? { ...event, type: "m.room.encrypted", encryption: "undecryptable", content: ciphertext }
      : event;
    if (isSecret) this.#secrets.set(eventId, event);
    this.timeline.push(wire);
    return wire;
  }
}

it("A window that has followed a timeline shows what a new one shows, and the same objects when it reads all of it again", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
      const client = new Client();
      const live = new TimelineWindow(
        decoder(() => {}),
        100,
      );
      for (const each of happenings) for (const event of client.happen(each)) live.accept(event);
      const fresh = new TimelineWindow(
        decoder(() => {}),
        100,
      );
      fresh.reset(client.timeline);
      const shown = live.messages;
      expect(shown).toEqual(fresh.messages);
      live.reset(client.timeline);
      expect(live.messages).toBe(shown);
    }),
    { numRuns: runs(500) },
  );
});
