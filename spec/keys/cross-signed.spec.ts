// requireCrossSigned in both directions: no key from, and no key to, a device that its owner has not signed. MSC4153.
import { asyncScheduler, map } from "rxjs";
import { describe, expect, it } from "vitest";
import { resolveKeyOptions } from "../../src/keys/options.ts";
import { encryptedSession } from "../../src/encryption/encrypted-session.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { happening, letter, type Plan, scene } from "./scene.ts";

/** Bob's device is signed from 2.5 s on, all others from the start. */
const bobSignsLate: Pick<Plan, "requireCrossSigned" | "crossSigned"> = {
  requireCrossSigned: true,
  crossSigned: (name) => name !== "bob" || asyncScheduler.now() >= 2_500,
};

describe("requireCrossSigned", () => {
  it(
    "a device that is not cross-signed gets no key, and gets it once it is (B11)",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ ...bobSignsLate, members: cold("a", { a: "me bob carl" }) });
      expectObservable(happening(call), "^ 4s !").toBe("(ic) 2996ms b", {
        i: "me#0",
        c: "0 > carl",
        b: "0 > bob",
      });
      flush();
      expect(call.traced("key-not-delivered")[0]).toEqual({
        kind: "key-not-delivered",
        keyIndex: 0,
        attempt: 1,
        outcome: "not-cross-signed",
        userId: "@bob:example.org",
        deviceId: "PHONE",
      });
    }),
  );

  it(
    "the status of such a device says so until it is signed",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ ...bobSignsLate, members: cold("a", { a: "me bob" }) });
      const status$ = cold("1s i 2s j").pipe(
        map(() => call.keys.encryptionStatus$.value.get("sfu-bob")),
        map((bob) => bob?.status !== "ok" && `${bob?.status} ${bob?.reason}, unreached: ${bob?.unreached}`),
      );
      expectObservable(status$).toBe("1s i 2s j", {
        i: "unverified not-cross-signed, unreached: not-cross-signed",
        j: "waiting no-key, unreached: undefined",
      });
      call.key$.subscribe();
    }),
  );

  it(
    "the leave of a device that never got a key makes no new key",
    marbles(({ cold, expectObservable }) => {
      const members = cold("a-----b", { a: "me bob carl", b: "me carl" });
      const call = scene({ ...bobSignsLate, members });
      expectObservable(happening(call), "^ 2s !").toBe("(ic)", { i: "me#0", c: "0 > carl" });
    }),
  );

  it(
    "a device is tried again every 10 s at most, and asked for nothing, while it is not signed",
    marbles(({ cold, flush, expectObservable }) => {
      const looks: number[] = [];
      const crossSigned = () => {
        looks.push(asyncScheduler.now());
        return false;
      };
      const call = scene({ requireCrossSigned: true, crossSigned, members: cold("a", { a: "me bob" }) });
      expectObservable(happening(call), "^ 60s !").toBe("i", { i: "me#0" });
      flush();
      expect(looks).toEqual([0, 1_000, 3_000, 7_000, 15_000, 25_000, 35_000, 45_000, 55_000]);
      expect(call.traced("key-sent")).toEqual([]);
    }),
  );

  it(
    "without it, keys go to every device, and a device that the client itself leaves out has the same status",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("a", { a: "me bob carl" }),
        outcome: (name) => (name === "bob" ? "not-cross-signed" : "sent"),
      });
      expectObservable(happening(call), "^ 500ms !").toBe("(is)", { i: "me#0", s: "0 > bob carl" });
      const seen: unknown[] = [];
      cold("100ms x").subscribe(() => seen.push(call.keys.encryptionStatus$.value.get("sfu-bob")));
      flush();
      expect(seen).toMatchObject([{ status: "unverified", reason: "not-cross-signed" }]);
    }),
  );

  it(
    "a key of such a device is rejected",
    marbles(({ cold, expectObservable, flush }) => {
      const unsigned = letter({ from: "bob", proof: { deviceId: "PHONE", crossSigned: false } });
      const call = scene({
        ...bobSignsLate,
        members: cold("a", { a: "me bob" }),
        letters: cold("-k", { k: unsigned }),
      });
      expectObservable(call.installed$, "^ 1s !").toBe("i", { i: "me#0" });
      flush();
      expect(call.traced("key-rejected")).toMatchObject([{ reason: "not-cross-signed" }]);
    }),
  );

  it.each([
    ["a key of a device that is not cross-signed is accepted unless that is required", false, false],
    ["a key of a device that is cross-signed is accepted if that is required", true, true],
  ])("%s", (_, requireCrossSigned, crossSigned) =>
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        requireCrossSigned,
        members: cold("a", { a: "me bob" }),
        letters: cold("-k", { k: letter({ from: "bob", proof: { deviceId: "PHONE", crossSigned } }) }),
      });
      expectObservable(call.installed$, "^--!").toBe("ik", { i: "me#0", k: "bob#0" });
    })(),
  );

  it(
    "a device counts as not signed while the client cannot say it, and is looked up again",
    marbles(({ cold, expectObservable, flush }) => {
      const crossSigned = () => {
        if (asyncScheduler.now() < 900) throw new Error("no answer");
        return true;
      };
      const call = scene({ requireCrossSigned: true, crossSigned, members: cold("a", { a: "me bob" }) });
      expectObservable(happening(call), "^ 4s !").toBe("i 999ms b", { i: "me#0", b: "0 > bob" });
      flush();
      expect(call.traced("key-not-delivered")).toMatchObject([{ attempt: 1, outcome: "not-cross-signed" }]);
    }),
  );

  it("a join fails with unsupported if the client cannot tell whether a device is signed", () => {
    const home = virtualHomeserver();
    const roomId = home.createRoom({ members: ["@alice:example.org"], encrypted: true });
    const { isCrossSigned: _, ...client } = home.client("@alice:example.org", "PHONE");
    const session = encryptedSession(client, { roomId, slot: "m.call#ROOM" });
    const errors: unknown[] = [];
    session.join({ keys: { requireCrossSigned: true } }).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toMatchObject([{ code: "unsupported" }]);
  });

  it("room events contradict it, since everybody in the room can read them", () => {
    const options = { requireCrossSigned: true, transport: "both" } as const;
    expect(() => resolveKeyOptions(options)).toThrow("keys.requireCrossSigned needs transport to-device");
  });
});
