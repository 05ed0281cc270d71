// Any content: the members of the original and ours say the same of it, or both refuse it.
import fc from "fast-check";
import type { MatrixEvent } from "matrix-js-sdk";
import { expect, it } from "vitest";
import type { CallMembership } from "matrixrtc-rx/compat";
import { runs } from "../support/properties.ts";
import { bob, stateContent, stateType, stickyContent, stickyType } from "./mocks.ts";
import { type Names, sides } from "./sides.ts";

const values = fc.constantFrom<unknown>(
  undefined,
  null,
  "",
  "x",
  "m.call",
  "#",
  "a#b",
  "m.call#ROOM",
  "m.call#",
  bob,
  0,
  -1,
  1.5,
  NaN,
  1e20,
  true,
  [],
  {},
  [null],
  [{}],
  [{ type: 5 }],
  [{ type: "livekit" }],
  { type: "livekit" },
  { type: "a#b" },
  { type: "livekit", focus_selection: "multi_sfu" },
  { type: "livekit", focus_selection: "oldest_membership" },
  { type: "m.call", "m.call.intent": 5 },
  { type: "m.call", "m.call.intent": "audio" },
  { published: [] },
  { published: [{ type: "livekit" }], can_subscribe: [1] },
  { event_id: "$1", rel_type: "m.reference" },
);
const others = [
  "membershipID",
  "created_ts",
  "expires",
  "m.call.intent",
  "other",
  "sticky_key",
  "m.relates_to",
  "data",
];

type Fields = Readonly<Record<string, unknown>>;

/** A content with some of its fields, or of the fields of its fields, replaced or gone. */
const mutated = ({ user_id: __, ...content }: object & { user_id?: string }): fc.Arbitrary<Fields> => {
  const paths = [
    ...[...Object.keys(content), ...others].map((key) => [key]),
    ...Object.entries(content).flatMap(([key, value]) =>
      Object.keys(Object(value) as object).map((inner) => [key, inner]),
    ),
  ];
  const change = fc.record({ path: fc.constantFrom(...paths), value: values, isGone: fc.boolean() });
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const copy = structuredClone(content) as Record<string, unknown>;
    for (const { path, value, isGone } of changes) {
      const [key, inner] = path as [string, string?];
      const target = inner === undefined ? copy : copy[key];
      if (typeof target !== "object" || target === null) continue;
      if (isGone) Reflect.deleteProperty(target, inner ?? key);
      else Reflect.set(target, inner ?? key, structuredClone(value));
    }
    return copy;
  });
};

const eventOf = (type: string, content: Fields, sender: string | undefined): MatrixEvent =>
  ({
    getId: () => "$event",
    getSender: () => sender,
    getTs: () => 1_000,
    getType: () => type,
    getContent: () => content,
  }) as unknown as MatrixEvent;

const outcome = (read: () => unknown): unknown => {
  try {
    return read() ?? null;
  } catch {
    return "it throws";
  }
};

const { user_id: _, ...plain } = stateContent;
const oldest = eventOf(stateType, { ...plain, device_id: "OLD" }, "@ann:example.org");

async function seenBy(names: Names, event: MatrixEvent): Promise<unknown> {
  const { CallMembership: Member } = names;
  const member = await Member.parseFromEvent(event).catch(() => undefined);
  if (!member) return "it is refused";
  const old = await Member.parseFromEvent(oldest);
  const getters = [
    ...(["sender", "userId", "eventId", "slotId", "deviceId", "callIntent", "slotDescription", "application"] as const),
    ...(["applicationData", "scope", "memberId", "membershipID", "transports", "rtcBackendIdentity"] as const),
  ];
  const methods = ["createdTs", "getAbsoluteExpiry", "isExpired"] as const;
  const equals = (a?: CallMembership, b?: CallMembership) => Member.equal(a, b);
  return {
    getters: getters.map((name) => outcome(() => member[name])),
    methods: methods.map((name) => outcome(() => member[name]())),
    transports: [[member, old] as const, [member, member] as const, [old, member] as const].map(([one, first]) =>
      outcome(() => one.getTransport(first)),
    ),
    equals: [equals(member, old), equals(member, member), equals(member), equals()],
    isMine: outcome(() => names.isMyMembership(member, bob, "BOBPHONE")),
  };
}

it("Members of the original and of the facade say the same of any content, or both refuse it", async () => {
  const cases = fc.oneof(
    mutated(stateContent).map((content) => ({ type: stateType, content })),
    mutated(stickyContent).map((content) => ({ type: stickyType, content })),
    mutated(stateContent).map((content) => ({ type: "org.example.other", content })),
  );
  const sender = fc.constantFrom(bob, bob, bob, undefined);
  await fc.assert(
    fc.asyncProperty(cases, sender, async ({ type, content }, from) => {
      const [original, ours] = await Promise.all(sides.map(({ names }) => seenBy(names, eventOf(type, content, from))));
      expect(ours).toEqual(original);
    }),
    { numRuns: runs(500) },
  );
});
