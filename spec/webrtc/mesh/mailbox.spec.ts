// What the mailbox of a mesh does with messages whose devices have to be looked up.
import { map, NEVER, type Observable, of, Subject, timer } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { DeviceProof, Matrix, ToDeviceMessage } from "../../../src/matrix.ts";
import { Mailbox } from "../../../src/webrtc/mesh/mailbox.ts";
import { marbles } from "../../support/marbles.ts";
import { inviteFrom } from "./drawn-scene.ts";

const proof: DeviceProof = { deviceId: "PHONE", crossSigned: true };

/** Bob's mailbox in a call that knows everybody, or nobody, in a room that only Alice is in. */
function mailbox(hasPair = true) {
  const toDevice$ = new Subject<ToDeviceMessage>();
  const content = { membership: "join" };
  const stateEvent = (_: string, __: string, userId: string) =>
    userId === "@alice:example.org" ? { content, sender: userId } : undefined;
  const matrix = { userId: "@bob:example.org", deviceId: "PHONE", toDevice$, stateEvent } as unknown as Matrix;
  const seen: string[] = [];
  const { run$ } = new Mailbox({
    matrix,
    context: { roomId: "!room:example.org", slot: "m.call#ROOM" },
    requireCrossSigned: false,
    hasPair: () => hasPair,
    deliver: ({ from }) => seen.push(from.deviceId),
    trace: (entry) => seen.push(entry.kind === "message-rejected" ? entry.reason : entry.kind),
  });
  const receive = (proof$: Observable<DeviceProof>, sender = "@alice:example.org") =>
    toDevice$.next({ type: "m.call.invite", sender, content: inviteFrom("alice", "bob"), proof$ });
  return { seen, receive, running: run$.subscribe() };
}

describe("A message whose device has to be looked up", () => {
  it("is delivered once the device is known", () => {
    marbles(({ flush }) => {
      const { seen, receive, running } = mailbox();
      receive(timer(500).pipe(map(() => proof)));
      const early = [...seen];
      timer(600).subscribe(() => running.unsubscribe());
      flush();
      expect({ early, seen }).toEqual({ early: [], seen: ["PHONE"] });
    })();
  });

  it("is dropped without a look-up if its user is not in the room", () => {
    const { seen, receive, running } = mailbox();
    let lookUps = 0;
    const counted$ = of(proof).pipe(map((known) => ((lookUps += 1), known)));
    receive(counted$, "@eve:example.org");
    expect({ seen, lookUps }).toEqual({ seen: ["not-in-room"], lookUps: 0 });
    running.unsubscribe();
  });

  it("is dropped if 512 others are looked up already", () => {
    const { seen, receive, running } = mailbox();
    for (let count = 0; count < 600; count += 1) receive(NEVER);
    expect(seen).toEqual(Array.from({ length: 88 }, () => "too-many"));
    running.unsubscribe();
  });
});

describe("A message of a member that we do not know yet", () => {
  afterEach(() => void vi.useRealTimers());

  it.each([0, -3_600_000])("is dropped after a minute, also if the wall clock is set by %d ms meanwhile", (byMs) => {
    vi.useFakeTimers({ now: 1e12 });
    const { seen, receive, running } = mailbox(false);
    receive(of(proof));
    vi.advanceTimersByTime(10_000);
    vi.setSystemTime(Date.now() + byMs);
    vi.advanceTimersByTime(49_500);
    const before = [...seen];
    vi.advanceTimersByTime(1_000);
    expect({ before, seen }).toEqual({ before: ["message-early"], seen: ["message-early", "too-late"] });
    running.unsubscribe();
  });
});
