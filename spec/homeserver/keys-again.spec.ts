// A member of matrix-js-sdk that believes it has given us its key gives it again when our membership is renewed. protocol.md 5.7.
import { rtcSession } from "matrixrtc-rx";
import { BehaviorSubject, filter, map } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import type { JoinMode } from "../../src/index.ts";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { sdkSession, slot } from "./watch.ts";

const transport = { type: "livekit", livekit_service_url: "https://rtc.example.org" };
const keyType = "io.element.call.encryption_keys";

/** Joins by the SDK alone. Its first key is lost on the way to `victim`, and counts as sent; whom its keys were sent to. */
async function joinBySdk(who: RealDevice, roomId: string, unstableSendStickyEvents: boolean, victim: RealDevice) {
  const { client, userId, deviceId } = who;
  const sent: string[] = [];
  const send = client.encryptAndSendToDevice.bind(client);
  client.encryptAndSendToDevice = (type, devices, content) => {
    if (type !== keyType) return send(type, devices, content);
    const { index } = content["keys"] as { readonly index: number };
    for (const device of devices) sent.push(`${index} > ${device.userId.slice(1, device.userId.indexOf("-"))}`);
    const isLost = (device: { readonly userId: string }) => index === 0 && device.userId === victim.userId;
    return send(
      type,
      devices.filter((device) => !isLost(device)),
      content,
    );
  };
  const session = await sdkSession(who, roomId);
  const own = { userId, deviceId, memberId: crypto.randomUUID() };
  session.joinRTCSession(own, [], transport, { unstableSendStickyEvents, manageMediaKeys: true });
  onTestFinished(() => session.leaveRoomSession(1_000).then(() => {}));
  return sent;
}

/** Joins by this library. */
function join(who: RealDevice, roomId: string, mode: JoinMode) {
  const session = rtcSession(who.matrix, { roomId, slot });
  const writes$ = new BehaviorSubject<readonly string[]>([]);
  session.trace$
    .pipe(
      filter((entry) => entry.kind === "membership-sent"),
      map(({ reason }) => [...writes$.value, reason]),
    )
    .subscribe(writes$);
  const joining = session.join({ mode }).subscribe();
  onTestFinished(() => joining.unsubscribe());
  const statusOf = ({ userId }: RealDevice) =>
    [...session.encryptionStatus$.value.values()].find((status) => status.userId === userId);
  return { session, writes$, statusOf };
}

describe.each(["compatibility", "matrix_2_0"] as const)("A key of matrix-js-sdk that was lost, in %s mode", (mode) => {
  it("comes after our membership was renewed, and others go on as before", async (context) => {
    const [alice, bob, carl] = [await device("alice"), await device("bob"), await device("carl")];
    const roomId = await roomOf(alice, bob, carl);
    const a = join(alice, roomId, mode);
    const c = join(carl, roomId, mode);
    await until(() => c.statusOf(alice)?.status === "ok" && a.statusOf(carl)?.status === "ok");
    const sent = await joinBySdk(bob, roomId, mode === "matrix_2_0", alice);
    await until(() => a.statusOf(bob)?.status === "waiting" && c.statusOf(bob)?.status === "ok");
    // Its key is older than its grace period by then, as that of a call that runs.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    expect(a.statusOf(bob)).toMatchObject({ status: "waiting", why: "no-key" });

    const gapsOfAlice: { readonly ts: number; readonly status: string | undefined }[] = [];
    const watching = c.session.encryptionStatus$
      .pipe(map(() => c.statusOf(alice)?.status))
      .subscribe((status) => gapsOfAlice.push({ ts: performance.now(), status }));
    const participantIdentity = a.statusOf(bob)?.participantIdentity ?? "";
    const lackTs = performance.now();
    a.session.decryption.next({ participantIdentity, result: "missing-key", keyIndex: 0 });
    await until(() => a.statusOf(bob)?.status === "ok");
    figure(context, "from the first lack to the key", inMs(performance.now() - lackTs));
    await until(() => c.statusOf(alice)?.status === "ok" && c.statusOf(bob)?.status === "ok");
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    watching.unsubscribe();

    const gapMs = gapsOfAlice.reduce(
      (sum, { ts, status }, index) => sum + (status === "ok" ? 0 : (gapsOfAlice[index + 1]?.ts ?? NaN) - ts),
      0,
    );
    figure(context, "another member of ours is without our key", inMs(gapMs));
    expect(a.writes$.value).toEqual(["join", "missing-key"]);
    expect(sent.toSorted()).toEqual(["0 > alice", "0 > carl", "1 > alice", "1 > carl"]);
    expect([a, c].map(({ session }) => session.statistics$.value.keysCreated)).toEqual([1, 1]);
  });
});
