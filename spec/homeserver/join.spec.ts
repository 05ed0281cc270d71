// Joining and leaving on a real homeserver, in each mode, as others see it. protocol.md 0, 4.
import { BehaviorSubject, lastValueFrom, of, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { type JoinState, rtcSession, type SessionJoinOptions } from "matrixrtc-rx";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { slot, watch } from "./watch.ts";

const modes = ["legacy", "compatibility", "matrix_2_0"] as const;
const delayedLeave = { delayedLeaveMs: 4_000, delayedLeaveRestartMs: 1_000 };

async function aliceSeenByBob() {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const roomId = await roomOf(alice, bob);
  return { alice, roomId, seenByBob: await watch(bob, roomId, alice) };
}

const join = ({ matrix }: RealDevice, roomId: string, options: SessionJoinOptions) =>
  rtcSession(matrix, { roomId, slot }).join(options);

describe.each(modes)("In mode %s", (mode) => {
  it("a member joins, changes, is renewed and leaves, and nobody sees it go before", async (context) => {
    const { alice, roomId, seenByBob } = await aliceSeenByBob();
    const intent = new BehaviorSubject("video");
    const hangUp$ = new Subject<void>();
    const renewal = { expiryMs: 4_000, expiryHeadroomMs: 2_000 };
    const startTs = performance.now();
    const over = lastValueFrom(join(alice, roomId, { mode, ...delayedLeave, ...renewal, intent, leaveOn: hangUp$ }));
    const seen = await seenByBob.seen(true);
    figure(context, "from join to being seen", `ours ${inMs(seen.ours - startTs)}, SDK ${inMs(seen.sdk - startTs)}`);
    const first = seenByBob.member();
    expect(first).toMatchObject({ kind: mode === "matrix_2_0" ? "sticky" : "state", intent: "video" });

    intent.next("audio");
    await until(() => seenByBob.member()?.intent === "audio" && seenByBob.sdk.memberships[0]?.callIntent === "audio");
    const changed = seenByBob.member();
    expect(changed).toMatchObject({ memberId: first?.memberId });
    // Sticky events last for an hour whatever the options say.
    if (first?.kind === "state") {
      expect(changed).toMatchObject({ createdTs: first.createdTs });
      await until(() => (seenByBob.member()?.expiresTs ?? 0) > first.expiresTs + 6_000);
      expect(seenByBob.member()).toMatchObject({ createdTs: first.createdTs });
    }
    expect(seenByBob.leaves()).toEqual({ ours: 0, sdk: 0 });

    const leaveTs = performance.now();
    hangUp$.next();
    expect(await over).toMatchObject({ status: "leaving" });
    figure(context, "from hanging up to confirmed", inMs(performance.now() - leaveTs));
    const gone = await seenByBob.seen(false);
    figure(context, "to being seen gone", `ours ${inMs(gone.ours - leaveTs)}, SDK ${inMs(gone.sdk - leaveTs)}`);
  });

  it("unsubscribing leaves at once", async (context) => {
    const { alice, roomId, seenByBob } = await aliceSeenByBob();
    const joined = join(alice, roomId, { mode }).subscribe();
    await seenByBob.seen(true);
    const leaveTs = performance.now();
    joined.unsubscribe();
    const gone = await seenByBob.seen(false);
    figure(context, "to being seen gone", `ours ${inMs(gone.ours - leaveTs)}, SDK ${inMs(gone.sdk - leaveTs)}`);
    expect(gone.ours - leaveTs).toBeLessThan(3_000);
  });

  it("unsubscribing before the join is through leaves nothing", async () => {
    const { alice, roomId, seenByBob } = await aliceSeenByBob();
    for (const afterMs of [0, 20, 40, 80, 160]) {
      const joined = join(alice, roomId, { mode, ...delayedLeave }).subscribe();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      joined.unsubscribe();
    }
    const joined = join(alice, roomId, { mode, ...delayedLeave }).subscribe();
    await seenByBob.seen(true);
    await until(() => rtcSession(alice.matrix, { roomId, slot }).membership$.value.length === 1);
    // Longer than a delayed leave that somebody forgot.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(rtcSession(alice.matrix, { roomId, slot }).membership$.value).toHaveLength(1);
    joined.unsubscribe();
    await seenByBob.seen(false);
  });

  it("a member that dies is removed by the server after its delayed leave", async (context) => {
    const { alice, roomId, seenByBob } = await aliceSeenByBob();
    const states: JoinState[] = [];
    const joined = join(alice, roomId, { mode, ...delayedLeave }).subscribe((state) => states.push(state));
    await seenByBob.seen(true);
    await until(() => states.at(-1)?.status === "joined");
    const killedTs = performance.now();
    alice.kill();
    const gone = await seenByBob.seen(false);
    joined.unsubscribe();
    figure(
      context,
      `to being seen gone (delay 4000 ms)`,
      `ours ${inMs(gone.ours - killedTs)}, SDK ${inMs(gone.sdk - killedTs)}`,
    );
    expect(gone.ours - killedTs).toBeGreaterThan(2_500);
    expect(gone.ours - killedTs).toBeLessThan(4_000 + 2_000);
    expect(states.at(-1)).toMatchObject({ status: "joined", probablyLeft: true });
  });

  it("a member on a server without delayed events is renewed often, and lapses when it dies", async (context) => {
    const { alice, roomId, seenByBob } = await aliceSeenByBob();
    const without = { ...alice, matrix: { ...alice.matrix, delayedEvents: () => of<false>(false) } };
    const options = { mode, unprotectedExpiryMs: 4_000, expiryHeadroomMs: 2_000 };
    const states: JoinState[] = [];
    const joined = join(without, roomId, options).subscribe((state) => states.push(state));
    await seenByBob.seen(true);
    const expiresTs = seenByBob.member()?.expiresTs ?? NaN;
    await until(() => (seenByBob.member()?.expiresTs ?? 0) > expiresTs + 5_000);
    expect(states.at(-1)).toMatchObject({ status: "joined", delayedLeave: { status: "unsupported" } });
    expect(seenByBob.leaves()).toEqual({ ours: 0, sdk: 0 });
    const killedTs = performance.now();
    alice.kill();
    const gone = await seenByBob.seen(false);
    joined.unsubscribe();
    figure(
      context,
      "to lapsing (expiry 4000 ms)",
      `ours ${inMs(gone.ours - killedTs)}, SDK ${inMs(gone.sdk - killedTs)}`,
    );
    expect(gone.ours - killedTs).toBeLessThan(4_000 + 1_000);
  });
});
