// A whole call over a mesh: it joins by itself, and lists what is wrong.
import { BehaviorSubject, distinctUntilChanged, filter, map, type Observable, Subject, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { DeviceFailure } from "../../../src/media/device-failure.ts";
import { rtcSession } from "../../../src/session.ts";
import { virtualHomeserver, type VirtualHomeserverOptions, virtualPeers } from "../../../src/testing/index.ts";
import { intentOf } from "../../../src/membership/intent.ts";
import { meshCall, type MeshCallOptions } from "../../../src/webrtc/mesh/mesh-call.ts";
import { marbles } from "../../support/marbles.ts";
import { sending } from "../scene.ts";
import { parseStateMember } from "../../../src/membership/state-event.ts";
import { stateMemberType } from "../../../src/room/names.ts";
import { peerIdOf } from "../../../src/webrtc/mesh/peer-id.ts";
import { userOf, wordsOf } from "./scene.ts";

const slot = "m.call#ROOM";

function scene(behavior: VirtualHomeserverOptions = {}) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3, ...behavior });
  const peers = virtualPeers();
  const roomId = home.createRoom({ members: ["alice", "bob"].map(userOf), encrypted: true });
  const sessionOf = (name: string) => rtcSession(home.client(userOf(name), "PHONE"), { roomId, slot });
  const callOf = (name: string, options: MeshCallOptions = {}) =>
    meshCall(home.client(userOf(name), "PHONE"), sessionOf(name), { peers: peers.device(name), ...options });
  return { home, peers, roomId, sessionOf, callOf };
}

/** Subscribes to a stream, and unsubscribes after a time. */
function listenFor(ms: number, stream$: Observable<unknown>): void {
  const listening = stream$.subscribe();
  timer(ms).subscribe(() => listening.unsubscribe());
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

  /** What the clients ask for on their way into a call, as it leaves. */
  const stepsOf = ({ home }: ReturnType<typeof scene>) =>
    home.request$.pipe(
      filter(({ request, type = "" }) => request === "send" || ["m.call.invite", "m.call.answer"].includes(type)),
      map(({ userId, type = "" }) => `${userId.slice(1, 2)} ${type.startsWith("m.call.") ? type.slice(7) : "joins"}`),
    );

  it(
    "calls the others when its membership is sent, before the room shows it, and is answered once it does (mesh 6)",
    marbles(({ expectObservable }) => {
      const here = scene();
      const [alice, bob] = [here.callOf("alice"), here.callOf("bob")].map(({ participants$ }) => participants$);
      const late = { request: "send", userId: userOf("alice") } as const;
      here.home.injectFault(late, { requestLateMs: 300 });
      timer(0).subscribe(() => listenFor(2_000, bob!));
      timer(1_000).subscribe(() => listenFor(2_000, alice!));
      // The server shows Alice 302 ms after she has asked for it.
      const way = { b: "b joins", a: "a joins", i: "a invite", w: "b answer" };
      expectObservable(stepsOf(here), "^ 1900ms !").toBe("--------b 999ms a-i 306ms w", way);
    }),
  );

  const memberOf = ({ home, roomId }: ReturnType<typeof scene>, name: string) =>
    home.state(roomId).find(({ type, sender }) => type === stateMemberType && sender === userOf(name))!;

  const stayOf = (event: { readonly content: unknown }) => {
    const { ok } = parseStateMember({ ...event, type: stateMemberType } as never, { readTs: 0 });
    return ok && ok !== "left" ? peerIdOf(ok).sessionId : undefined;
  };

  /** The stays in which somebody is invited, and by which stays. */
  const invitesTo = ({ home }: ReturnType<typeof scene>, name: string) => {
    const seen: { from: unknown; to: unknown }[] = [];
    home.client(userOf(name), "PHONE").toDevice$.subscribe(({ type, content }) => {
      const { sender_session_id: from, dest_session_id: to } = content as Record<string, unknown>;
      if (type === "m.call.invite") seen.push({ from, to });
    });
    return seen;
  };

  it(
    "takes no entry that an earlier page has left for its own: nobody is called in the name of that stay",
    marbles(({ flush }) => {
      const here = scene();
      const { home, roomId } = here;
      const invites = invitesTo(here, "bob");
      listenFor(500, here.callOf("alice").participants$);
      let left: { readonly content: unknown } | undefined;
      timer(400).subscribe(() => (left = memberOf(here, "alice")));
      timer(1_000).subscribe(() => {
        const { stateKey = "", content } = { ...memberOf(here, "alice"), ...left! };
        home.setState(roomId, { type: stateMemberType, stateKey, sender: userOf("alice"), content });
      });
      const alice = here.callOf("alice");
      const opened: unknown[] = [];
      alice.trace$.subscribe((entry) => entry.kind === "pair-opened" && opened.push(entry.peer.userId));
      // Bob comes while Alice's new membership is on its way.
      timer(2_000).subscribe(() => {
        home.injectFault({ request: "send", userId: userOf("alice") }, { requestLateMs: 300 });
        listenFor(3_000, alice.participants$);
      });
      timer(2_100).subscribe(() => listenFor(3_000, here.callOf("bob").participants$));
      let own: unknown;
      timer(3_000).subscribe(() => (own = stayOf(memberOf(here, "alice"))));
      flush();
      expect(stayOf(left!)).toMatch(/^[0-9a-f]{32}$/);
      expect(own).not.toBe(stayOf(left!));
      expect(invites.map(({ from }) => from)).toEqual([own]);
      expect(opened).toEqual([userOf("bob")]);
    }),
  );

  it(
    "is in another stay after each join, also when it joins again by itself",
    marbles(({ flush }) => {
      const here = scene();
      const { home, roomId, peers } = here;
      const invites = invitesTo(here, "bob");
      const [alice, bob] = [here.callOf("alice", { media: sending("mic") }), here.callOf("bob")];
      const leave = () => {
        const { stateKey = "" } = memberOf(here, "alice");
        home.setState(roomId, { type: stateMemberType, stateKey, sender: userOf("alice"), content: {} });
      };
      listenFor(9_000, bob.participants$);
      listenFor(5_000, alice.participants$);
      const stays: unknown[] = [];
      const note = () => stays.push(stayOf(memberOf(here, "alice")));
      timer(1_000).subscribe(note);
      timer(2_000).subscribe(leave);
      timer(4_000).subscribe(note);
      timer(6_000).subscribe(() => listenFor(3_000, alice.participants$));
      timer(8_000).subscribe(note);
      let flows: readonly string[] = [];
      timer(8_000).subscribe(() => (flows = peers.flows()));
      flush();
      expect(new Set(stays).size).toBe(3);
      expect(invites.map(({ from }) => from)).toEqual(stays);
      expect(flows).toEqual(["alice>bob microphone"]);
    }),
  );

  it(
    "makes its calls again in its new stay, also if it is not seen to leave the old one",
    marbles(({ flush }) => {
      // Without a delayed leave, the membership is written at once when it is missing.
      const here = scene({ delayedEvents: false });
      const { home, roomId, peers } = here;
      const invites = invitesTo(here, "bob");
      listenFor(9_000, here.callOf("bob").participants$);
      listenFor(9_000, here.callOf("alice", { media: sending("mic") }).participants$);
      timer(2_000).subscribe(() => {
        const { stateKey = "" } = memberOf(here, "alice");
        home.setState(roomId, { type: stateMemberType, stateKey, sender: userOf("alice"), content: {} });
      });
      let end: readonly unknown[] = [];
      timer(8_000).subscribe(() => (end = [peers.open.length, peers.flows(), stayOf(memberOf(here, "alice"))]));
      flush();
      const [first, last] = [invites[0]!.from, invites.at(-1)!.from];
      expect(first).not.toBe(last);
      expect(end).toEqual([2, ["alice>bob microphone"], last]);
    }),
  );
});
