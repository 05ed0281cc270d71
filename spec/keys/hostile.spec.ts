// Members that claim ids and identities of others, and messages of strangers. protocol.md 5.4, 11.
import { filter, map, merge, mergeMap, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { deviceKey } from "../../src/keys/device.ts";
import type { ToDeviceMessage } from "../../src/matrix.ts";
import type { Membership } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { letter, member, scene } from "./scene.ts";

/** Keys of others: the user who sent them, and the identity that they are installed for. */
const installed = ({ key$ }: ReturnType<typeof scene>): Observable<string> =>
  key$.pipe(
    filter(({ own }) => !own),
    map(({ userId, participantIdentity }) => `${userId} as ${participantIdentity}`),
  );

/** Mallory, with the LiveKit identity of another member. */
const impostor = (participantIdentity: string): Membership => ({
  ...member("mallory"),
  instance: participantIdentity,
  participantIdentity,
});

describe("devices", () => {
  it("two devices never have the same key in a map, whatever their ids contain (S1)", () => {
    const [one, other] = [
      { userId: "@a:host 8448", deviceId: "PHONE" },
      { userId: "@a:host", deviceId: "8448 PHONE" },
    ];
    expect(deviceKey(one!)).not.toBe(deviceKey(other!));
  });
});

describe("a member with the identity of another", () => {
  it.each([
    ["ours", "sfu-me"],
    ["that of Bob", "sfu-bob"],
  ])("a member with the identity of another cannot install a key under it: %s (S1)", (_, identity) =>
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("a", { a: [member("me"), member("bob"), impostor(identity)] }),
        letters: cold("-mb", { m: letter({ from: "mallory", key: 66 }), b: letter({ from: "bob" }) }),
      });
      expectObservable(installed(call), "^---!").toBe("--b", { b: "@bob:example.org as sfu-bob" });
      flush();
      expect(call.traced("key-rejected")).toMatchObject([
        { reason: "identity-taken", userId: "@mallory:example.org", deviceId: "PHONE" },
      ]);
    })(),
  );

  it(
    "a member with the identity of another does not change the status of that other (S1)",
    marbles(({ cold, flush }) => {
      const call = scene({
        members: cold("a", { a: [member("me"), member("bob"), impostor("sfu-bob"), impostor("sfu-me")] }),
        letters: cold("-b", { b: letter({ from: "bob" }) }),
      });
      const statuses: unknown[] = [];
      call.key$.subscribe();
      cold("--x").subscribe(() =>
        statuses.push(
          ...Array.from(call.keys.encryptionStatus$.value.values(), ({ userId, status }) => [userId, status]),
        ),
      );
      flush();
      expect(statuses).toEqual([
        ["@me:example.org", "ok"],
        ["@bob:example.org", "ok"],
      ]);
    }),
  );
});

describe("a member with the id of another", () => {
  it(
    "a member with the id of another does not keep out the key of the member that has it (S16)",
    marbles(({ cold, expectObservable }) => {
      const thief = { ...member("mallory"), memberId: "id-of-bob2" };
      const call = scene({
        members: cold("a--b", {
          a: [member("me"), member("bob"), thief],
          b: [member("me"), member("bob2"), thief],
        }),
        letters: cold("-k", { k: letter({ from: "bob2", key: 7 }) }),
      });
      expectObservable(installed(call)).toBe("---x", { x: "@bob:example.org as sfu-bob2" });
    }),
  );
});

describe("look-ups of devices", () => {
  it.each([
    ["a key message for us", letter({ from: "bob" }), 1],
    ["a key message for another room", letter({ from: "bob", content: { room_id: "!garden:example.org" } }), 0],
    ["a key message for another slot", letter({ from: "bob", content: { "rx.matrixrtc.slot_id": "m.call#SIDE" } }), 0],
    ["a malformed key message", letter({ from: "bob", content: { keys: 7 } }), 0],
    ["another message", { ...letter({ from: "bob" }), type: "org.example.app" }, 0],
  ])("%s causes no needless look-up of its device (S19)", (_, { proof: __, ...message }, lookUps) =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const proof$ = cold("--(p|)", { p: { deviceId: "PHONE", crossSigned: true } });
      const call = scene({ members: cold("a", { a: "me bob" }), letters: cold("-m", { m: { ...message, proof$ } }) });
      const words = { b: "@bob:example.org as sfu-bob" };
      expectObservable(installed(call), "^ 20ms !").toBe(lookUps > 0 ? "---b" : "", words);
      expectSubscriptions(proof$.subscriptions).toBe(lookUps > 0 ? ["-^-!"] : []);
    })(),
  );
});

describe("early keys of one user", () => {
  it(
    "early keys of one user cannot push out those of the other users in the room, however many devices it has",
    marbles(({ cold, expectObservable, flush }) => {
      const flood = Array.from({ length: 99 }, (_, user) =>
        Array.from({ length: 11 }, (__, device): ToDeviceMessage => {
          const deviceId = `DEVICE${device}`;
          const content = { member: { id: "unseen", claimed_device_id: deviceId } };
          const message = letter({ from: "eve", content, proof: { deviceId, crossSigned: true } });
          return { ...message, sender: `@eve${user}:example.org` };
        }),
      ).flat();
      const call = scene({
        members: cold("a----b", { a: "me", b: "me bob" }),
        letters: merge(cold("-k", { k: letter({ from: "bob" }) }), cold("--x").pipe(mergeMap(() => flood))),
      });
      expectObservable(installed(call)).toBe("-----k", { k: "@bob:example.org as sfu-bob" });
      flush();
      expect(call.traced("key-rejected").length).toBeGreaterThan(80);
    }),
  );
});
