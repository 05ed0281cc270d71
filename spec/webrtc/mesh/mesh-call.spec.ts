// A whole call over a mesh: it joins by itself, and lists what is wrong.
import { BehaviorSubject, distinctUntilChanged, map, Subject, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { DeviceFailure } from "../../../src/media/device-failure.ts";
import { rtcSession } from "../../../src/session.ts";
import { virtualHomeserver, virtualPeers } from "../../../src/testing/index.ts";
import { intentOf } from "../../../src/membership/intent.ts";
import { meshCall, type MeshCallOptions } from "../../../src/webrtc/mesh/mesh-call.ts";
import { marbles } from "../../support/marbles.ts";
import { sending } from "../scene.ts";
import { userOf, wordsOf } from "./scene.ts";

const slot = "m.call#ROOM";

function scene() {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3 });
  const peers = virtualPeers();
  const roomId = home.createRoom({ members: ["alice", "bob"].map(userOf), encrypted: true });
  const sessionOf = (name: string) => rtcSession(home.client(userOf(name), "PHONE"), { roomId, slot });
  const callOf = (name: string, options: MeshCallOptions = {}) =>
    meshCall(home.client(userOf(name), "PHONE"), sessionOf(name), { peers: peers.device(name), ...options });
  return { home, peers, sessionOf, callOf };
}

const codes = map((problems: readonly { readonly code: string; readonly detail?: string }[]) =>
  problems.map(({ code, detail }) => [code, detail].filter(Boolean).join(" ")).join(", "),
);

describe("A call over a mesh", () => {
  it(
    "joins with the transport of the mesh and without media keys, and shows the others",
    marbles(({ expectObservable, flush }) => {
      const { home, callOf } = scene();
      const hangUp$ = new Subject<void>();
      const [alice, bob] = ["alice", "bob"].map((name) =>
        callOf(name, { media: sending("mic"), join: { leaveOn: hangUp$ } }),
      );
      bob!.participants$.subscribe();
      timer(2_000).subscribe(() => hangUp$.next());
      let shown = "";
      wordsOf(alice!.participants$).subscribe((words) => (shown = words));
      const status$ = alice!.state$.pipe(
        map(({ status }) => status),
        distinctUntilChanged(),
      );
      const statuses = { j: "joining", d: "joined", l: "leaving" };
      expectObservable(status$, "^ 3s !").toBe("j 11ms d 1987ms l 3ms |", statuses);
      timer(1_500).subscribe(() => expect(shown).toBe("(alice) | bob connected microphone"));
      flush();
      expect(home.requests.filter(({ type }) => type?.includes("encryption_keys"))).toEqual([]);
    }),
  );

  it(
    "says video while it sends pictures",
    marbles(({ flush }) => {
      const { sessionOf, callOf } = scene();
      const media$ = new BehaviorSubject(sending("mic cam"));
      const session = sessionOf("bob");
      session.membership$.subscribe();
      const joined = callOf("alice", { media: media$ }).state$.subscribe();
      const intents: (string | undefined)[] = [];
      const note = () => intents.push(intentOf(session.membership$.value));
      timer(1_000).subscribe(note);
      timer(1_001).subscribe(() => media$.next(sending("mic cam!")));
      timer(5_000).subscribe(note);
      timer(6_000).subscribe(() => joined.unsubscribe());
      flush();
      expect(intents).toEqual(["video", "audio"]);
    }),
  );

  it(
    "lists a device that fails at once, and a member without the mesh once that has lasted for 3 s",
    marbles(({ expectObservable }) => {
      const { sessionOf, callOf } = scene();
      const deviceFailures = new BehaviorSubject<readonly DeviceFailure[]>([]);
      const { problems$ } = callOf("alice", { deviceFailures });
      const elsewhere$ = sessionOf("bob").join({
        transports: [{ type: "livekit", livekit_service_url: "https://sfu.example.org" }],
      });
      timer(1_000).subscribe(() => {
        const bob = elsewhere$.subscribe();
        timer(6_000).subscribe(() => bob.unsubscribe());
      });
      timer(2_000).subscribe(() => deviceFailures.next([{ source: "camera", code: "in-use", sinceTs: 2_000 }]));
      timer(6_000).subscribe(() => deviceFailures.next([]));
      expectObservable(problems$.pipe(codes), "^ 7s !").toBe("n 1999ms d 2012ms b 1986ms m", {
        n: "",
        d: "device-failed camera in-use",
        b: "device-failed camera in-use, member-unreachable no-common-transport",
        m: "member-unreachable no-common-transport",
      });
    }),
  );

  it(
    "says that the others may see us as gone, and holds nothing when nobody listens",
    marbles(({ flush }) => {
      const { home, peers, callOf } = scene();
      const { problems$, participants$ } = callOf("alice");
      const seen: string[] = [];
      const listening = problems$.pipe(codes).subscribe((words) => seen.push(words));
      timer(5_000).subscribe(() => home.device(userOf("alice"), "PHONE").goOffline());
      timer(40_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(seen.slice(0, 2)).toEqual(["", "probably-left"]);
      expect([problems$.value, participants$.value, peers.open]).toEqual([[], [], []]);
    }),
  );
});
