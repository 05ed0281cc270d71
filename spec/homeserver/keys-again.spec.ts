// A member of matrix-js-sdk sends its key again when our membership is announced again. protocol.md 5.7.
import { encryptedSession } from "matrixrtc-rx/encryption";
import { BehaviorSubject, filter, map } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import type { JoinMode } from "../../src/index.ts";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { sdkSession, slot } from "./watch.ts";

const transport = { type: "livekit", livekit_service_url: "https://rtc.example.org" };
const keyType = "io.element.call.encryption_keys";

/** Joins by the SDK alone. Its first key is lost on the way to `victim` and counts as sent. Returns the recipients of its keys. */
async function joinBySdk(sender: RealDevice, roomId: string, unstableSendStickyEvents: boolean, victim: RealDevice) {
  const { client, userId, deviceId } = sender;
  const sent: string[] = [];
  const send = client.encryptAndSendToDevice.bind(client);
  client.encryptAndSendToDevice = (type, devices, content) => {
    if (type !== keyType) return send(type, devices, content);
    const { index } = content["keys"] as { readonly index: number };
    for (const recipient of devices)
      sent.push(`${index} > ${recipient.userId.slice(1, recipient.userId.indexOf("-"))}`);
    const isLost = (recipient: { readonly userId: string }) => index === 0 && recipient.userId === victim.userId;
    return send(
      type,
      devices.filter((recipient) => !isLost(recipient)),
      content,
    );
  };
  const session = await sdkSession(sender, roomId);
  const own = { userId, deviceId, memberId: crypto.randomUUID() };
  session.joinRTCSession(own, [], transport, { unstableSendStickyEvents, manageMediaKeys: true });
  onTestFinished(() => session.leaveRoomSession(1_000).then(() => {}));
  return sent;
}

/** Joins by this library. */
function join(who: RealDevice, roomId: string, mode: JoinMode) {
  const session = encryptedSession(who.matrix, { roomId, slot });
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

describe.each(["compatibility", "matrix_2_0"] as const)("A lost key of matrix-js-sdk, in %s mode", (mode) => {
  it("arrives after our membership is announced again, and others notice nothing", async (context) => {
    const [alice, bob, carl] = [await device("alice"), await device("bob"), await device("carl")];
    const roomId = await roomOf(alice, bob, carl);
    const a = join(alice, roomId, mode);
    const c = join(carl, roomId, mode);
    await until(() => c.statusOf(alice)?.status === "ok" && a.statusOf(carl)?.status === "ok");
    const sent = await joinBySdk(bob, roomId, mode === "matrix_2_0", alice);
    await until(() => a.statusOf(bob)?.status === "waiting" && c.statusOf(bob)?.status === "ok");
    // By then its key is older than its grace period, as in a running call.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    expect(a.statusOf(bob)).toMatchObject({ status: "waiting", reason: "no-key" });

    const statusesOfAlice: { readonly ts: number; readonly status: string | undefined }[] = [];
    const watching = c.session.encryptionStatus$
      .pipe(map(() => c.statusOf(alice)?.status))
      .subscribe((status) => statusesOfAlice.push({ ts: performance.now(), status }));
    const participantIdentity = a.statusOf(bob)?.participantIdentity ?? "";
    const reportTs = performance.now();
    a.session.decryption.next({ participantIdentity, result: "missing-key", keyIndex: 0 });
    await until(() => a.statusOf(bob)?.status === "ok");
    figure(context, "from the first report to the key", inMs(performance.now() - reportTs));
    await until(() => c.statusOf(alice)?.status === "ok" && c.statusOf(bob)?.status === "ok");
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    watching.unsubscribe();

    const gapMs = statusesOfAlice.reduce(
      (sum, { ts, status }, index) => sum + (status === "ok" ? 0 : (statusesOfAlice[index + 1]?.ts ?? NaN) - ts),
      0,
    );
    figure(context, "time in which another member of ours lacks our key", inMs(gapMs));
    expect(a.writes$.value).toEqual(["join", "keys-unanswered"]);
    expect(sent.toSorted()).toEqual(["0 > alice", "0 > carl", "1 > alice", "1 > carl"]);
    expect([a, c].map(({ session }) => session.statistics$.value.keysCreated)).toEqual([1, 1]);
  });
});
