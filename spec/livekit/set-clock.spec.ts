// A wall clock that is set back, by a user or a time server, delays nothing of the media.
import { timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { marbles } from "../support/marbles.ts";
import { callScene, transportAt, userOf } from "./call-scene.ts";
import { serviceOf } from "./virtual-sfu.ts";

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const dayMs = 86_400_000;

/** Alice on a device of her own, whose clock is set back by an hour at a time, or never. */
function aliceOnDevice(setBackMs: number | undefined) {
  const scene = callScene(["alice", "bob"], { endMs: 30_000, clockAheadMs: dayMs });
  const phone = scene.home.device(userOf("alice"), "PHONE");
  phone.setClock(dayMs);
  scene.home.device(userOf("bob"), "PHONE").setClock(dayMs);
  const alice = phone.run(() => scene.enter("alice"));
  if (setBackMs !== undefined) at(setBackMs, () => phone.setClock(dayMs - 3_600_000));
  return { ...scene, alice };
}

describe.each([
  ["a clock that stays", undefined],
  ["a clock that is set back by an hour meanwhile", 2_500],
])("With %s", (_, setBackMs) => {
  test(
    "a banner says after 3 s that a member cannot be decrypted",
    marbles(({ flush }) => {
      const { home, alice, enter } = aliceOnDevice(setBackMs);
      home.injectFault({ request: "to-device", userId: userOf("bob") }, { lose: "request", times: 1_000 });
      const codes = () => alice.call.problems$.value.map(({ code }) => code);
      at(2_000, () => enter("bob"));
      at(4_900, () => expect(codes()).toEqual([]));
      at(5_200, () => expect(codes()).toEqual(["member-undecryptable"]));
      flush();
      expect.assertions(2);
    }),
  );

  test(
    "a member that has moved to another SFU leaves the old one seconds later",
    marbles(({ flush }) => {
      const { alice } = aliceOnDevice(setBackMs);
      const sfus = () => alice.call.connections$.value.map(({ sfu }) => sfu);
      at(1_500, () => alice.transport$.next(transportAt("sfu2")));
      at(2_400, () => expect(sfus()).toEqual([serviceOf("sfu"), serviceOf("sfu2")]));
      at(8_000, () => expect(sfus()).toEqual([serviceOf("sfu2")]));
      flush();
      expect.assertions(2);
    }),
  );
});
