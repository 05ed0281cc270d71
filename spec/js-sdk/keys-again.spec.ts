// A member of matrix-js-sdk has sent us its key, and the message was lost. protocol.md 5.7.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type JoinMode } from "../../src/index.ts";
import { encryptedSession } from "../../src/encryption/index.ts";
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import type { TraceEntry } from "../../src/trace.ts";
import { type Losses, sdkPeer } from "./sdk-peer.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const wordOf = (one: MemberEncryption): string => {
  const name = one.userId.slice(1, one.userId.indexOf(":"));
  return `${name} ${one.status} ${one.status === "ok" ? one.keyIndex : one.reason}`;
};

/** Alice and Carl use this library, Bob uses the SDK. His key for Alice was lost half a minute ago. */
async function threeInCall(mode: JoinMode, loses: Losses) {
  const home = virtualHomeserver({ latencyMs: 10, syncMs: 10 });
  const roomId = home.createRoom({ members: [alice, bob, carl], encrypted: true });
  const member = async (userId: string) => {
    const session = encryptedSession(home.client(userId, "PHONE"), { roomId, slot: "m.call#ROOM" });
    const trace: TraceEntry[] = [];
    session.trace$.subscribe((entry) => trace.push(entry));
    const joining = session.join({ mode }).subscribe();
    await vi.advanceTimersByTimeAsync(1_000);
    const statuses = () => Array.from(session.encryptionStatus$.value.values(), wordOf);
    return { session, trace, statuses, leave: () => joining.unsubscribe() };
  };
  const a = await member(alice);
  const c = await member(carl);
  const peer = sdkPeer(home, roomId, bob, loses);
  await vi.advanceTimersByTimeAsync(30_000);
  const ofBob = a.session.membership$.value.find(({ userId }) => userId === bob);
  const lacks = (keyIndex: number) =>
    a.session.decryption.next({
      participantIdentity: ofBob?.participantIdentity ?? "",
      result: "missing-key",
      keyIndex,
    });
  /** Ends everything, so that nothing keeps running. */
  const end = async () => {
    a.leave();
    c.leave();
    await vi.advanceTimersByTimeAsync(60_000);
  };
  return { a, c, peer, lacks, end };
}

const writesOf = ({ trace }: { readonly trace: readonly TraceEntry[] }) =>
  trace.flatMap((entry) => (entry.kind === "membership-sent" ? [entry.reason] : []));

describe.each(["compatibility", "matrix_2_0"] as const)(
  "A key of matrix-js-sdk that did not come, in %s mode",
  (mode) => {
    it("is sent again after our membership was renewed, 11 s after frames needed the key", async () => {
      const { a, c, peer, lacks, end } = await threeInCall(mode, (to, keyIndex) => to === alice && keyIndex === 0);
      expect(a.statuses()).toEqual(["alice ok 0", "carl ok 0", "bob waiting no-key"]);
      expect(writesOf(a)).toEqual(["join"]);
      lacks(0);
      await vi.advanceTimersByTimeAsync(10_990);
      expect(peer.sent).toEqual(["alice#0", "carl#0"]);
      await vi.advanceTimersByTimeAsync(100);
      expect(writesOf(a)).toEqual(["join", "keys-unanswered"]);
      expect(a.statuses()).toContain("bob ok 1");
      // The cost: the SDK's member changes its key for all. Our members do not, and lack no key.
      await vi.advanceTimersByTimeAsync(30_000);
      expect(peer.sent).toEqual(["alice#0", "carl#0", "alice#1", "carl#1"]);
      expect(peer.used).toEqual([0, 1]);
      expect(c.statuses()).toEqual(expect.arrayContaining(["alice ok 0", "bob ok 1", "carl ok 0"]));
      expect([a, c].map(({ session }) => session.statistics$.value.keysCreated)).toEqual([1, 1]);
      expect(writesOf(a)).toHaveLength(2);
      await end();
    });

    it("is requested with growing waits if it never arrives", async () => {
      const { a, peer, lacks, end } = await threeInCall(mode, (to) => to === alice);
      lacks(0);
      await vi.advanceTimersByTimeAsync(15 * 60_000);
      expect(writesOf(a)).toEqual(["join", ...Array.from({ length: 4 }, () => "keys-unanswered")]);
      expect(peer.used).toEqual([0, 1, 2, 3, 4]);
      await end();
    });
  },
);
