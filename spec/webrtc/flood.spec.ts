// Floods: a side that says absurdly much costs no more than a bounded amount of memory, and no exception.
import { NEVER, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Matrix } from "../../src/matrix.ts";
import { readCallMessage } from "../../src/webrtc/call-message.ts";
import type { Candidate } from "../../src/webrtc/peer-connection.ts";
import { sendInOrder } from "../../src/webrtc/outbox.ts";
import { addRemote, noRemoteCandidates, onDescription } from "../../src/webrtc/remote-candidates.ts";
import { sectionsOf, ufragsOf } from "../../src/webrtc/sdp.ts";
import { CallOutbox } from "../../src/webrtc/voip/call-outbox.ts";

const candidates = (count: number, from = 0): Candidate[] =>
  Array.from({ length: count }, (_, index) => ({
    candidate: `candidate:${from + index} 1 udp 1 192.0.2.1 9 typ host`,
    sdpMid: "0",
    sdpMLineIndex: 0,
  }));

describe("Candidates of the other side", () => {
  it("are given to the browser up to 512 for one description, in however many messages they come", () => {
    let state = onDescription(noRemoteCandidates, ["u"]);
    let ready = 0;
    for (let message = 0; message < 100; message += 1) {
      const step = addRemote(state, candidates(100, message * 100), false);
      state = step.candidates;
      ready += step.ready.length;
    }
    expect([ready, state.held.length]).toEqual([512, 0]);
    // An ICE restart brings others.
    const restarted = onDescription(state, ["v"]);
    expect(addRemote(restarted, candidates(10), false).ready).toHaveLength(10);
  });

  it("are read up to 100 of one message, also if there are 100,000", () => {
    const content = { call_id: "c", version: "1", party_id: "p", candidates: candidates(100_000) };
    const read = readCallMessage("m.call.candidates", content)?.ok;
    expect(read?.kind === "candidates" && read.candidates.length).toBe(100);
  });
});

describe("A session description", () => {
  it("with 16,000 sections is read, and one of more than 256 KiB is not", () => {
    const sdp = `v=0\r\n${"m=audio 9 x 0\r\n".repeat(16_000)}`;
    expect(sectionsOf(sdp)).toHaveLength(16_000);
    expect(ufragsOf(`v=0\r\n${"a=ice-ufrag:x\r\n".repeat(16_000)}`)).toEqual(["x"]);
    const invite = { call_id: "c", version: "1", offer: { type: "offer", sdp: `${sdp}${"x".repeat(100_000)}` } };
    expect(readCallMessage("m.call.invite", invite)?.malformed).toBe("offer");
  });
});

describe("Messages that wait for the server", () => {
  it("are 64 at most: a pair of the mesh fails then, and is tried again later", () => {
    const outgoing$ = new Subject<number>();
    const failure = { isFinal: true };
    const seen: unknown[] = [];
    outgoing$.pipe(sendInOrder(() => NEVER, failure)).subscribe({ error: (error) => seen.push(error) });
    for (let message = 0; message < 64; message += 1) outgoing$.next(message);
    expect(seen).toEqual([]);
    outgoing$.next(64);
    expect(seen).toEqual([failure]);
  });

  it("are 64 at most in a 1:1 call, and its last word is sent after them", () => {
    const notSent: string[] = [];
    const sent: string[] = [];
    const answers: Subject<string>[] = [];
    const matrix: Pick<Matrix, "send"> = {
      send: ({ type }) => {
        sent.push(type);
        const answer = new Subject<string>();
        answers.push(answer);
        return answer;
      },
    };
    const outbox = new CallOutbox(matrix as Matrix, { roomId: "!r", callId: "c", partyId: "p" }, (kind) =>
      notSent.push(kind),
    );
    const body = { kind: "candidates", candidates: [] } as const;
    for (let message = 0; message < 100; message += 1) outbox.say({ body, isLast: false });
    expect(notSent).toHaveLength(36);
    outbox.say({ body: { kind: "hangup", reason: "user_hangup" }, isLast: true });
    answers[0]!.next("$1");
    answers[0]!.complete();
    expect(sent).toEqual(["m.call.candidates", "m.call.hangup"]);
  });
});
