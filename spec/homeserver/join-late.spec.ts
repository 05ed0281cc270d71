// A user enters an encrypted room after the call began and cannot decrypt the earlier sticky joins. protocol.md 14.1.
import { expect, it } from "vitest";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { device, first, roomOf } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { slot, watch } from "./watch.ts";

it("a user who enters the room later sees the sticky member within 15 s, and nobody else sees a change", async (context) => {
  const [alice, bob, carol, dave] = [
    await device("alice"),
    await device("bob"),
    await device("carol"),
    await device("dave"),
  ];
  const roomId = await roomOf(alice, bob);
  const seenByBob = await watch(bob, roomId, alice);
  const joined = encryptedSession(alice.matrix, { roomId, slot }).join({ mode: "matrix_2_0" }).subscribe();
  await seenByBob.seen(true);
  const memberId = seenByBob.member()?.memberId;

  // Two users enter at the same time, so one new announcement serves both.
  for (const { userId } of [carol, dave]) await alice.client.invite(roomId, userId);
  const enteredTs = performance.now();
  const { rejected$ } = encryptedSession(carol.matrix, { roomId, slot });
  const rejected = first(rejected$, ([rejection]) => rejection !== undefined);
  await Promise.all([carol, dave].map(({ client }) => client.joinRoom(roomId)));
  expect(await rejected).toMatchObject([{ reason: "undecryptable", userId: alice.userId }]);

  for (const late of [carol, dave]) {
    const seen = await (await watch(late, roomId, alice)).seen(true);
    figure(
      context,
      "from entering the room to seeing the member",
      `ours ${inMs(seen.ours - enteredTs)}, SDK ${inMs(seen.sdk - enteredTs)}`,
    );
    expect(seen.ours - enteredTs).toBeLessThan(15_000);
  }
  expect(seenByBob.member()).toMatchObject({ memberId });
  expect(seenByBob.leaves()).toEqual({ ours: 0, sdk: 0 });
  joined.unsubscribe();
  await seenByBob.seen(false);
});
