// What the mailbox of a mesh does with messages whose devices have to be looked up.
import { map, NEVER, type Observable, of, Subject, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { DeviceProof, Matrix, ToDeviceMessage } from "../../../src/matrix.ts";
import { Mailbox } from "../../../src/webrtc/mesh/mailbox.ts";
import { marbles } from "../../support/marbles.ts";
import { inviteFrom } from "./drawn-scene.ts";

const proof: DeviceProof = { deviceId: "PHONE", crossSigned: true };

/** Bob's mailbox in a call that knows everybody, in a room that only Alice is in. */
function mailbox() {
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
    hasPair: () => true,
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
