// After any history of a room, a session that has watched it and one that is opened now agree, on real clients of the SDK.
import fc from "fast-check";
import { expect, test } from "vitest";
import { rtcSessions } from "../../src/index.ts";
import { encryptedSession, type EncryptedSession } from "../../src/encryption/index.ts";
import type { ConformanceWorld } from "../../src/testing/index.ts";
import { sdkWorld } from "../port/sdk-world.ts";
import { stateContent, stateMember, stickyContent, stickyLeave, stickyMember } from "../support/contents.ts";
import { runs } from "../support/properties.ts";

const slot = "m.call#ROOM";
const other = "@other:example.org";
const member = { id: "one", user_id: other, claimed_user_id: other, device_id: "THEIRS", claimed_device_id: "THEIRS" };

const stateContents = [stateContent({ device_id: "THEIRS" }), stateContent({ expires: 60_000 }), {}, { odd: true }];
const stickyContents = [stickyContent({ member: { ...member, membership: "join" } }), stickyLeave(), {}];

type Step =
  | { readonly kind: "state"; readonly key: string; readonly content: object }
  | { readonly kind: "sticky"; readonly content: object }
  | { readonly kind: "redaction"; readonly of: number }
  | { readonly kind: "membership"; readonly membership: "join" | "leave" }
  | { readonly kind: "interruption" }
  | { readonly kind: "sync" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("state" as const),
      key: fc.constantFrom("a", "b"),
      content: fc.constantFrom(...stateContents),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("sticky" as const), content: fc.constantFrom(...stickyContents) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("redaction" as const), of: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("membership" as const), membership: fc.constantFrom("join", "leave") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("interruption" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("sync" as const) }) },
);

/** Lets a step happen on the server. Events are remembered, so that a later step can redact them. */
async function happen(world: ConformanceWorld, roomId: string, one: Step, sent: string[]): Promise<void> {
  if (one.kind === "sync") return world.sync();
  if (one.kind === "interruption") return world.interrupt();
  if (one.kind === "membership") return world.setOwnMembership(roomId, one.membership);
  if (one.kind === "redaction") {
    const eventId = sent.at(-1 - one.of);
    return eventId === undefined ? undefined : world.redact(roomId, eventId);
  }
  const content = { ...one.content };
  const event =
    one.kind === "state"
      ? world.setState(roomId, { type: stateMember, stateKey: `_${one.key}`, content })
      : world.sendSticky(roomId, { type: stickyMember, content, encryption: "cleartext" });
  sent.push(await event);
}

const eventsIn = ({ membership$, rejected$ }: EncryptedSession) => ({
  members: membership$.value.map(({ eventId }) => eventId),
  rejected: rejected$.value.map(({ eventId, reason }) => `${eventId} ${reason}`).toSorted(),
});

const numRuns = runs(40);
/** More cases may take longer. */
const timeoutMs = Math.max(30_000, numRuns * 1_000);

test(
  "a watched session and a new one show the same members, rejections and active rooms after any history",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (history) => {
        const world = await sdkWorld({ encryption: false, delayedEvents: false });
        try {
          const roomId = await world.createRoom({ encrypted: false });
          const watched = encryptedSession(world.port, { roomId, slot });
          const sessions = rtcSessions(world.port, slot);
          const watching = watched.membership$.subscribe();
          watching.add(watched.rejected$.subscribe());
          watching.add(sessions.active$.subscribe());
          const sent: string[] = [];
          for (const one of [...history, { kind: "sync" } as const]) await happen(world, roomId, one, sent);
          // Another port object, so that nothing is remembered from before.
          const fresh = { ...world.port };
          expect(eventsIn(watched)).toEqual(eventsIn(encryptedSession(fresh, { roomId, slot })));
          expect([...sessions.active$.value]).toEqual([...rtcSessions(fresh, slot).active$.value]);
          watching.unsubscribe();
        } finally {
          await world.end();
        }
      }),
      { numRuns },
    );
  },
  timeoutMs,
);
