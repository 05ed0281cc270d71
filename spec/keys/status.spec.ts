// What a UI can say of each member, and what is counted: folds of the trace.
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { EncryptionFacts } from "../../src/keys/encryption-status.ts";
import { countKeys, noStatistics } from "../../src/keys/statistics.ts";
import type { KeyRejection, KeyTrace } from "../../src/keys/trace.ts";
import { type Letter, letter, member, type Plan, scene } from "./scene.ts";
import type { Decryption } from "../../src/types.ts";

const bob = member("bob");
const { userId, deviceId, memberId, participantIdentity } = bob;
const device = { userId, deviceId };
const received = (keyIndex: number): KeyTrace => ({
  kind: "key-received",
  ...device,
  memberId,
  participantIdentity,
  keyIndex,
  ageMs: 20,
});
const media = (result: Decryption["result"], keyIndex?: number): KeyTrace => ({
  kind: "media-decryption",
  participantIdentity,
  result,
  keyIndex,
});
const missed = (keyIndex: number): KeyTrace => media("missing-key", keyIndex);

const statusAfter = (...entries: readonly KeyTrace[]) => {
  const facts = new EncryptionFacts();
  entries.forEach((entry, index) => facts.note(entry, index));
  return facts.statusOf(bob);
};

describe("the status of a member", () => {
  const cases: readonly [string, readonly KeyTrace[], object][] = [
    ["waits for a key", [], { status: "waiting", why: "no-key" }],
    ["is ok once there is one", [received(0)], { status: "ok", keyIndex: 0, sinceTs: 0 }],
    ["is that of the newest key", [received(0), received(1)], { status: "ok", keyIndex: 1, sinceTs: 1 }],
    [
      "waits while a key is early",
      [{ kind: "key-early", ...device, keyIndex: 0 }],
      { status: "waiting", why: "key-early" },
    ],
    [
      "waits for a key once an early one is given up",
      [
        { kind: "key-early", ...device, keyIndex: 0 },
        { kind: "key-rejected", reason: "never-a-member", ...device, keyIndex: 0 },
      ],
      { status: "waiting", why: "no-key" },
    ],
    [
      "waits while a key is early, whatever was given up before",
      [
        { kind: "key-rejected", reason: "never-a-member", ...device, keyIndex: 0 },
        { kind: "key-early", ...device, keyIndex: 0 },
      ],
      { status: "waiting", why: "key-early" },
    ],
    [
      "waits while one of two keys is early and the other is given up",
      [
        { kind: "key-early", ...device, keyIndex: 0 },
        { kind: "key-early", ...device, keyIndex: 1 },
        { kind: "key-rejected", reason: "too-many-early", ...device, keyIndex: 0 },
      ],
      { status: "waiting", why: "key-early" },
    ],
    [
      "is no worse for a forged key beside a good one",
      [received(0), { kind: "key-rejected", reason: "forged-device", ...device }],
      { status: "ok", keyIndex: 0 },
    ],
    [
      "does not suffer from an outdated key",
      [{ kind: "key-rejected", reason: "outdated", ...device }],
      { status: "waiting", why: "no-key" },
    ],
    [
      "waits for a device that is unknown",
      [{ kind: "key-not-delivered", keyIndex: 0, attempt: 1, outcome: "unknown-device", ...device }],
      { status: "waiting", why: "device-unknown", unreached: "unknown-device" },
    ],
    [
      "says that our key does not get there, though theirs did",
      [received(0), { kind: "key-not-delivered", keyIndex: 0, attempt: 1, outcome: "failed", ...device }],
      { status: "ok", keyIndex: 0, unreached: "failed" },
    ],
    ["waits for the key that media needs", [received(0), missed(1)], { status: "waiting", why: "missing-key" }],
    ["is ok once that key has come", [received(0), missed(1), received(1)], { status: "ok", keyIndex: 1 }],
    [
      "is ok once a later key has come, to which its member changes",
      [received(255), missed(255), received(0)],
      { status: "ok", keyIndex: 0 },
    ],
    ["is ok if the key that media lacks has just come", [received(1), missed(1)], { status: "ok", keyIndex: 1 }],
    ["is ok if media lacks the key before", [received(1), missed(0)], { status: "ok", keyIndex: 1 }],
    ["is not helped by an older key", [received(0), missed(2), received(1)], { status: "waiting", why: "missing-key" }],
    ["is ok once media says so", [received(0), missed(1), media("ok")], { status: "ok", keyIndex: 0, sinceTs: 0 }],
    [
      "says that a key does not fit, whichever index",
      [received(0), media("invalid-key")],
      { status: "waiting", why: "invalid-key" },
    ],
    [
      "is ok once a key has come instead of one that did not fit",
      [received(0), media("invalid-key"), received(0)],
      { status: "ok", keyIndex: 0, sinceTs: 2 },
    ],
    [
      "is ok once media can be decrypted that was late for its key",
      [received(0), received(1), media("invalid-key"), media("ok")],
      { status: "ok", keyIndex: 1, sinceTs: 1 },
    ],
    [
      "waits for a first key, whatever media is tried with that of an earlier membership",
      [media("invalid-key"), missed(1)],
      { status: "waiting", why: "no-key" },
    ],
    [
      "says why no key was taken, whatever media is tried with",
      [{ kind: "key-rejected", reason: "cleartext", ...device }, media("invalid-key")],
      { status: "unverified", why: "cleartext" },
    ],
  ];
  for (const [title, entries, status] of cases) {
    it(title, () => expect(statusAfter(...entries)).toMatchObject({ member: bob, ...status }));
  }

  it("forgets that a key did not arrive once one has", () => {
    const lost: KeyTrace = { kind: "key-not-delivered", keyIndex: 0, attempt: 1, outcome: "failed", ...device };
    expect(statusAfter(received(0), lost, { kind: "key-delivered", keyIndex: 0, ...device })).toEqual({
      member: bob,
      status: "ok",
      keyIndex: 0,
      sinceTs: 0,
    });
  });

  it("begins anew when the device is back as another member", () => {
    const facts = new EncryptionFacts();
    facts.note(received(0), 0);
    facts.forget([bob], []);
    expect(facts.statusOf(bob)).toEqual({ member: bob, status: "waiting", why: "no-key" });
  });

  it("begins anew after trouble that came when the member had left already", () => {
    const facts = new EncryptionFacts();
    facts.note(received(0), 0);
    facts.forget([bob], []);
    facts.note(media("invalid-key"), 1);
    expect(facts.statusOf(bob)).toEqual({ member: bob, status: "waiting", why: "no-key" });
    facts.note(received(0), 2);
    expect(facts.statusOf(bob)).toEqual({ member: bob, status: "ok", keyIndex: 0, sinceTs: 2 });
  });

  it("of one of two members of a device outlives the other", () => {
    const facts = new EncryptionFacts();
    facts.note({ kind: "key-not-delivered", keyIndex: 0, attempt: 1, outcome: "failed", ...device }, 0);
    facts.forget([member("bob2")], [bob]);
    expect(facts.statusOf(bob)).toMatchObject({ status: "waiting", why: "send-failed" });
  });

  it("keeps no more strangers in mind than it should", () => {
    const facts = new EncryptionFacts();
    facts.note({ kind: "key-early", ...device, keyIndex: 0 }, 0);
    for (let count = 0; count < 5_000; count++)
      facts.note({ kind: "key-early", userId: "@eve:example.org", deviceId: String(count), keyIndex: 0 }, 0);
    expect(facts.statusOf(bob)).toMatchObject({ why: "no-key" });
  });
});

describe("a member whose key is refused", () => {
  /** What is told of Bob once such a message has come. */
  const statusUpon = (it_: Letter, plan: Partial<Plan> = {}) => {
    let status: object = {};
    new TestScheduler(() => {}).run(({ cold, flush }) => {
      const members = cold("a", { a: "me bob carl" });
      const call = scene({ ...plan, members, letters: cold("-k", { k: letter(it_) }) });
      call.key$.subscribe();
      flush();
      status = statusAfter(
        ...call.traced("key-rejected", "key-received", "key-early").map((entry) => entry as KeyTrace),
      );
    });
    return status;
  };
  const cases: readonly [why: KeyRejection, letter: Omit<Letter, "from">, plan?: Partial<Plan>][] = [
    ["cleartext", { proof: "none" }],
    ["unproven-device", { proof: { crossSigned: false } }],
    ["forged-device", { content: { member: { claimed_device_id: "LAPTOP" } } }],
    ["not-cross-signed", { proof: { deviceId: "PHONE", crossSigned: false } }, { requireCrossSigned: true }],
    ["not-its-member", { memberId: "id-of-carl" }],
  ];
  for (const [why, it_, plan] of cases)
    it(`as ${why} is unverified`, () => {
      expect(statusUpon({ from: "bob", ...it_ }, plan)).toMatchObject({ status: "unverified", why });
    });

  for (const proof of ["none", { crossSigned: false }] as const)
    it(`in its name, sent by somebody else ${proof === "none" ? "in the clear" : "unproven"}, is none the worse`, () => {
      const content = { member: { id: memberId, claimed_device_id: deviceId, claimed_user_id: userId } };
      expect(statusUpon({ from: "eve", proof, content })).toMatchObject({ status: "waiting", why: "no-key" });
    });
});

describe("statistics of a key that is not taken", () => {
  const reasons: Readonly<Record<KeyRejection, "received" | "refused" | "nothing">> = {
    malformed: "refused",
    cleartext: "refused",
    "unproven-device": "refused",
    "forged-device": "refused",
    "not-cross-signed": "refused",
    "not-its-member": "refused",
    outdated: "received",
    known: "received",
    "unknown-slot": "received",
    "never-a-member": "received",
    "too-many-early": "received",
    stale: "nothing",
  };
  for (const [reason, counter] of Object.entries(reasons))
    it(`${reason} count ${counter === "nothing" ? counter : `it as ${counter}`}`, () => {
      const counted = countKeys(noStatistics, { kind: "key-rejected", reason: reason as KeyRejection, userId });
      expect(counted).toEqual({ ...noStatistics, ...(counter !== "nothing" && { [counter]: 1 }) });
    });
});

it("statistics count what was made, sent, received and refused", () => {
  const entries: readonly KeyTrace[] = [
    { kind: "key-created", keyIndex: 0, reason: "first" },
    { kind: "key-sent", keyIndex: 0, transport: "to-device", devices: 3 },
    { kind: "key-delivered", keyIndex: 0, ...device },
    { kind: "key-not-delivered", keyIndex: 0, attempt: 1, outcome: "failed", ...device },
    received(0),
    received(1),
    { kind: "key-rejected", reason: "outdated", ...device },
    { kind: "key-rejected", reason: "cleartext", ...device },
    { kind: "key-rejected", reason: "stale", userId },
    { kind: "key-asked-for", memberId, ...device },
  ];
  expect(entries.reduce(countKeys, noStatistics)).toEqual({
    keysMade: 1,
    sendings: 1,
    delivered: 1,
    notDelivered: 1,
    received: 3,
    receivedTotalAgeMs: 40,
    refused: 1,
    asked: 1,
  });
});
