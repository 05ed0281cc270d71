import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import {
  alice,
  bob,
  type Content,
  fromJson,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
} from "../support/contents.ts";
import { Folding } from "../support/folding.ts";
import { runs } from "../support/properties.ts";

/** Any JSON. Some of its keys mean something to this protocol or to JavaScript. */
const names = Object.keys({ ...stateContent(), ...stickyContent() }).concat(
  "__proto__ constructor prototype toString valueOf length type id membership memberships session m.application".split(
    " ",
  ),
);
const key = fc.oneof(fc.constantFrom(...names), fc.string());
const leaf = fc.oneof(fc.string({ unit: "binary" }), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("m.call", "PHONE", alice),
    leaf,
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("json"), { maxLength: 3 }),
  object: fc.array(fc.tuple(key, tie("json")), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
}));

/** A valid content with one value replaced. */
const almost = (content: Content) => fc.tuple(fc.nat(), json).map(([at, value]) => withValueAt(content, at, value));

function withValueAt(content: Content, at: number, value: unknown): unknown {
  let places = 0;
  const walk = (node: unknown): unknown => {
    if ((places += 1) === at % 24) return value;
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, walk(child)]));
  };
  return walk(content);
}

const content = fc.oneof(json, almost(stateContent()), almost(stickyContent()));
const duration = fc.oneof(fc.constant(3_600_000), json);

const event: fc.Arbitrary<RoomEvent | StickyEvent> = fc.oneof(
  fc.tuple(content, fc.string()).map(([body, stateKey]) => stateEvent(body, { stateKey })),
  fc
    .record({
      body: content,
      durationMs: duration,
      ttlMs: duration,
      encryption: fc.constantFrom("cleartext", "decrypted"),
    })
    .map(({ body, ...changes }) => stickyEvent(body, changes as Partial<StickyEvent>)),
);

describe("Any JSON as content", () => {
  it("makes a member or a rejection, once, and never throws", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), (events) => {
        const fold = new Folding();
        const honest = stateEvent(stateContent(), { sender: bob, stateKey: "honest" });
        fold.put(...events, honest);
        const verdicts = [...fold.fold.members, ...fold.fold.rejections].map(({ eventId }) => eventId);
        expect(new Set(verdicts).size).toBe(verdicts.length);
        expect(fold.fold.members.map(({ eventId }) => eventId)).toContain(honest.eventId);
        // An event that another has replaced, or that is not sticky, is in neither list.
        const last = events.at(-1);
        if (last && !("encryption" in last)) expect(verdicts).toContain(last.eventId);
        for (const { userId } of fold.fold.members) expect([alice, bob]).toContain(userId);
        for (const { reason, path } of fold.fold.rejections) expect(path !== undefined).toBe(reason === "malformed");
        fold.step(1e15);
        expect(fold.fold.members).toEqual([]);
        expect(({} as Content)["polluted"]).toBeUndefined();
      }),
      { numRuns: runs(3000) },
    );
  });

  it("makes members whose fields have the promised types", () => {
    fc.assert(
      fc.property(event, (any) => {
        const fold = new Folding();
        fold.put(any);
        for (const member of fold.fold.members) {
          const { deviceId, memberId, slot, application, intent, transports, focusSelection, createdTs, expiresTs } =
            member;
          for (const text of [deviceId, memberId, slot, application.type]) expect(text).toBeTypeOf("string");
          for (const text of [intent, focusSelection]) expect(["string", "undefined"]).toContain(typeof text);
          for (const ts of [createdTs, expiresTs]) expect(ts).toBeTypeOf("number");
          for (const { type, livekit_service_url: url } of transports) {
            expect(type).toBeTypeOf("string");
            expect(["string", "undefined"]).toContain(typeof url);
          }
        }
      }),
      { numRuns: runs(3000) },
    );
  });

  it("can be very deep or very wide", () => {
    const depth = 20_000;
    const deep = fromJson(`${'{"application":'.repeat(depth)}1${"}".repeat(depth)}`);
    const wide = { ...stateContent(), foci_preferred: Array.from({ length: 50_000 }, () => ({ type: "livekit" })) };
    const fold = new Folding();
    fold.put(stateEvent(deep, { stateKey: "deep" }), stateEvent(wide, { stateKey: "wide" }), stickyEvent(deep));
    expect(fold.reasons.toSorted()).toEqual(["malformed application", "malformed sticky_key until 3600000"]);
    expect(fold.names).toEqual(["alice/PHONE"]);
  });
});
