// The mesh over a homeserver in memory: pairs that come, change, break, are made again, and go.
import { BehaviorSubject, combineLatest, filter, type Observable, take, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinState } from "../../../src/join/join-state.ts";
import { MatrixError } from "../../../src/matrix.ts";
import { marbles } from "../../support/marbles.ts";
import { sending } from "../scene.ts";
import { drawnScene, meshed } from "./drawn-scene.ts";
import { meshScene, wordOf, wordsOf } from "./scene.ts";

type Scene = ReturnType<typeof meshScene>;

const at = (ms: number, act: () => void) => timer(ms).subscribe(act);

function changesOf<T>(values$: Observable<T>): Observable<T> {
  let last: T | undefined;
  return values$.pipe(filter((value) => value !== last && ((last = value), true)));
}

const nameOf = (userId = "") => userId.slice(1, userId.indexOf(":"));

/** To-device messages of the mesh by their way and type, as they leave. */
function messagesOf({ home }: Scene): { readonly ts: number; readonly word: string }[] {
  const seen: { ts: number; word: string }[] = [];
  home.request$.subscribe(({ ts, request, userId, to, type }) => {
    if (request === "to-device")
      seen.push({ ts, word: `${nameOf(userId)}>${nameOf(to?.userId)} ${type?.replace("m.call.", "")}` });
  });
  return seen;
}

const full = (names: readonly string[]) =>
  names
    .flatMap((from) => names.flatMap((to) => (to === from ? [] : [`${from}>${to} camera`, `${from}>${to} microphone`])))
    .toSorted();

describe("A mesh", () => {
  it(
    "connects two members, and shows each the other's tracks",
    marbles(({ expectObservable }) => {
      const scene = meshScene(["alice", "bob"]);
      const alice = scene.enter("alice");
      at(1_000, () => scene.enter("bob"));
      const words = {
        n: "",
        a: "(alice)",
        b: "(alice) | bob connecting",
        c: "(alice) | bob connecting microphone,camera",
        d: "(alice) | bob connected microphone,camera",
      };
      const seen$ = changesOf(wordsOf(alice.mesh.participants$));
      expectObservable(seen$, "^ 2s !").toBe("n------------a 999ms b 17ms c 40ms d", words);
    }),
  );

  it(
    "sends exactly one invite for each pair, from the smaller user id, in any order of the joins (mesh 1)",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob", "carl"]);
      const messages = messagesOf(scene);
      for (const [index, name] of ["carl", "alice", "bob"].entries()) at(index * 1_000, () => scene.enter(name));
      let flows: readonly string[] = [];
      at(5_000, () => (flows = scene.peers.flows()));
      flush();
      const invites = messages.map(({ word }) => word).filter((word) => word.endsWith(" invite"));
      expect(invites.toSorted()).toEqual(["alice>bob invite", "alice>carl invite", "bob>carl invite"]);
      expect(flows).toEqual(full(["alice", "bob", "carl"]));
    }),
  );

  it(
    "connects two devices of one user: the smaller device id calls (mesh 2)",
    marbles(({ flush }) => {
      const scene = meshScene(["alice/PHONE", "alice/TABLET"]);
      const messages = messagesOf(scene);
      at(0, () => scene.enter("alice/TABLET"));
      at(1_000, () => scene.enter("alice/PHONE"));
      let flows: readonly string[] = [];
      at(5_000, () => (flows = scene.peers.flows()));
      flush();
      expect(messages.filter(({ word }) => word.endsWith(" invite"))).toHaveLength(1);
      expect(flows).toEqual(full(["alice/PHONE", "alice/TABLET"]));
    }),
  );

  it(
    "works with sticky members too: each join is another session",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"], { join: { mode: "matrix_2_0" } });
      at(0, () => scene.enter("alice"));
      at(1_000, () => scene.enter("bob"));
      let flows: readonly string[] = [];
      at(5_000, () => (flows = scene.peers.flows()));
      flush();
      expect(flows).toEqual(full(["alice", "bob"]));
    }),
  );

  it(
    "cuts a pair in the moment in which the other member is gone, and hangs up when we leave",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"]);
      const messages = messagesOf(scene);
      at(0, () => scene.enter("alice"));
      const open: number[] = [];
      at(1_000, () => {
        const bob = scene.enter("bob");
        at(1_000, bob.leave);
      });
      at(1_999, () => open.push(scene.peers.open.length));
      // The membership without Bob is there 7 ms later. The hangups follow: they must not delay it.
      at(2_001, () => open.push(scene.peers.open.length));
      at(2_020, () => open.push(scene.peers.open.length));
      flush();
      expect(open).toEqual([2, 1, 0]);
      const hangups = messages.filter(({ word }) => word.endsWith(" hangup"));
      expect(hangups.map(({ word }) => word)).toEqual(["bob>alice hangup", "alice>bob hangup"]);
      expect(hangups[0]!.ts - messages[0]!.ts).toBeGreaterThan(1_900);
    }),
  );

  it(
    "makes a new call for a new session, and closes the old one (mesh 7)",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"]);
      at(0, () => scene.enter("alice"));
      const contents: { call_id?: string; seq?: number; dest_session_id?: string }[] = [];
      scene.clientOf("bob").toDevice$.subscribe(({ type, content }) => {
        if (type === "m.call.invite") contents.push(content as object);
      });
      at(1_000, () => {
        const bob = scene.enter("bob");
        at(1_000, bob.stop);
      });
      at(3_000, () => scene.enter("bob"));
      let flows: readonly string[] = [];
      at(5_000, () => (flows = scene.peers.flows()));
      flush();
      expect(contents.map(({ seq }) => seq)).toEqual([0, 0]);
      expect(new Set(contents.map((content) => content.call_id)).size).toBe(2);
      expect(new Set(contents.map((content) => content.dest_session_id)).size).toBe(2);
      expect(flows).toEqual(full(["alice", "bob"]));
    }),
  );

  it("calls nobody for an entry of ours that an earlier page has left behind: our own join has to show first", () => {
    marbles(({ flush }) => {
      const { enter, home } = drawnScene();
      home.client("@bob:example.org", "PHONE");
      const [old] = meshed("alice");
      const [own] = meshed("alice#2");
      const { kind, userId, deviceId, memberId, participantIdentity } = own!;
      const member = { kind, userId, deviceId, memberId, participantIdentity };
      const rest = { member, sinceTs: 0, delayedLeave: { status: "unsupported" }, probablyLeft: false } as const;
      const join = new BehaviorSubject<JoinState>({
        status: "joining",
        member,
        step: "sending-membership",
        attempt: 1,
      });
      const alice = enter("alice", "alice bob", { join });
      const places: (string | undefined)[] = [];
      const note = () => places.push(alice.mesh.participants$.value.map(wordOf).join(" | "));
      at(1_000, note);
      // Our write is answered before a sync brings it.
      at(2_000, () => join.next({ status: "joined", ...rest }));
      at(3_000, note);
      at(4_000, () => {
        join.next({ status: "joined", ...rest, membership: own! });
        alice.members$.next(meshed("alice#2 bob"));
      });
      at(4_100, note);
      flush();
      expect(old!.instance).not.toBe(own!.instance);
      expect(places).toEqual(["(alice) | bob waiting", "(alice) | bob waiting", "(alice) | bob connecting"]);
      expect(alice.trace.filter(({ kind: what }) => what === "pair-opened")).toHaveLength(1);
    })();
  });

  it.each([
    ["calls", "alice", "bob"],
    ["is called", "carl", "bob"],
  ])("connects once with a member whose past it is shown first: the side that %s", (_, late, other) => {
    marbles(({ flush }) => {
      const { enter, peers } = drawnScene();
      const present = `${late} ${other}#2`;
      // A page that was reloaded sees the stay before, then its end, and only then the present stay.
      const shown = enter(late, `${late} ${other}#1`);
      const theirs = enter(`${other}#2`, present);
      at(1_000, () => shown.members$.next(meshed(late)));
      at(1_500, () => shown.members$.next(meshed(present)));
      let end: readonly unknown[] = [];
      at(1_700, () => (end = [peers.open.length, ...peers.flows()]));
      flush();
      expect(end).toEqual([2, `${late}>${other}#2 microphone`, `${other}#2>${late} microphone`].toSorted());
      const opened = ({ trace }: typeof shown) => trace.filter(({ kind }) => kind === "pair-opened").length;
      expect([opened(shown), opened(theirs)]).toEqual([2, 1]);
    })();
  });

  it.each([
    ["the caller", "alice"],
    ["the side that is called", "bob"],
  ])("makes its calls again if %s is seen in another stay at once, without having left (mesh 7)", (_, mover) => {
    marbles(({ flush }) => {
      const { enter, peers } = drawnScene();
      const meshes = [enter("alice", "alice bob"), enter("bob", "alice bob")];
      const flows: string[] = [];
      at(1_000, () => flows.push(peers.flows().join()));
      for (const [index, { members$ }] of meshes.entries())
        at(2_000 + index * 300, () => members$.next(meshed("alice bob".replace(mover, `${mover}#2`))));
      at(4_000, () => flows.push(peers.flows().join(), `${peers.open.length} open`));
      flush();
      const both = "alice>bob microphone,bob>alice microphone";
      expect(flows).toEqual([both, both, "2 open"]);
      const closed = meshes.map(({ trace }) =>
        trace.flatMap((entry) => (entry.kind === "pair-closed" ? entry.reason : [])),
      );
      const expected = mover === "alice" ? ["we-left", "peer-left"] : ["peer-left", "we-left"];
      expect(closed.map(([first]) => first)).toEqual(expected);
    })();
  });

  it(
    "tries a pair again for as long as the other one is a member, at growing and uneven distances (mesh 14)",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"], { endMs: 200_000 });
      const messages = messagesOf(scene);
      scene.home.injectFault(
        { request: "to-device", type: "m.call.answer" },
        { fail: new MatrixError("forbidden", "no"), times: 1_000 },
      );
      scene.home.injectFault({ request: "to-device", type: "m.call.hangup" }, { lose: "request", times: 1_000 });
      at(0, () => scene.enter("alice"));
      at(0, () => scene.enter("bob"));
      flush();
      const invites = messages.filter(({ word }) => word === "alice>bob invite").map(({ ts }) => ts);
      const waits = invites.slice(1).map((ts, index) => ts - invites[index]! - 30_000);
      expect(waits.length).toBeGreaterThan(3);
      for (const [index, wait] of waits.entries()) {
        const usual = Math.min(30_000, 1_000 * 2 ** index);
        expect(wait).toBeGreaterThan(0.79 * usual);
        expect(wait).toBeLessThan(1.21 * usual);
      }
      const strays = waits.map((wait, index) => Math.abs(wait / Math.min(30_000, 1_000 * 2 ** index) - 1));
      expect(Math.max(...strays)).toBeGreaterThan(0.05);
    }),
  );

  it(
    "says what is wrong with a pair, and when it is tried again",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"]);
      scene.home.adjust(scene.clientOf("bob"), { listed: false });
      const alice = scene.enter("alice");
      at(1_000, () => scene.enter("bob"));
      let bob: unknown;
      at(1_500, () => (bob = alice.mesh.participants$.value[1]?.problem$.value));
      at(2_000, () => scene.home.adjust(scene.clientOf("bob"), { listed: true }));
      let flows: readonly string[] = [];
      at(6_000, () => (flows = scene.peers.flows()));
      flush();
      expect(bob).toMatchObject({ code: "unknown-device", nextTryTs: expect.any(Number) });
      expect(flows).toEqual(full(["alice", "bob"]));
    }),
  );

  it(
    "shows members without a mesh, and those beyond the limit, with the reason",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob", "carl", "dora"], { mesh: { limit: 2 } });
      const alice = scene.enter("alice");
      at(1_000, () => scene.enter("bob"));
      at(2_000, () => scene.enter("carl"));
      const words: string[] = [];
      at(4_000, () => words.push(...alice.mesh.participants$.value.map(wordOf)));
      flush();
      expect(words).toEqual(["(alice)", "bob connected microphone,camera", "carl waiting too-many-members"]);
    }),
  );

  it(
    "still shows us as ourselves while we leave, and tells late subscribers how it stands with the others",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"], { latencyMs: 20 });
      const alice = scene.enter("alice");
      scene.enter("bob");
      const words: string[][] = [];
      const look = () => {
        const seen: string[] = [];
        for (const { isLocal, connection$, tracks$, problem$ } of alice.mesh.participants$.value)
          combineLatest([connection$, tracks$, problem$])
            .pipe(take(1))
            .subscribe(([connection, tracks]) => seen.push(isLocal ? "(us)" : `${connection} ${tracks.length}`));
        words.push(seen);
      };
      at(1_000, () => alice.leave());
      at(1_001, look);
      at(1_200, look);
      flush();
      expect(words).toEqual([["(us)", "waiting 0"], ["waiting 0"]]);
    }),
  );

  it(
    "keeps the items and tracks of those for whom nothing changed",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob", "carl"]);
      const alice = scene.enter("alice");
      const bob = scene.enter("bob");
      let before: readonly unknown[] = [];
      const look = () => {
        const [, item] = alice.mesh.participants$.value;
        return [item, ...(item?.tracks$.value ?? [])];
      };
      at(1_000, () => (before = look()));
      at(1_100, () => bob.media$.next(sending("mic! cam")));
      at(1_200, () => scene.enter("carl"));
      let after: readonly unknown[] = [];
      at(3_000, () => (after = look()));
      flush();
      expect(after[0]).toBe(before[0]);
      expect(after[1]).not.toBe(before[1]);
      expect(after[2]).toBe(before[2]);
    }),
  );

  it(
    "sends every message encrypted with Olm, even if the room is not encrypted",
    marbles(({ flush }) => {
      const scene = meshScene(["alice", "bob"]);
      const proofs: unknown[] = [];
      scene.clientOf("bob").toDevice$.subscribe(({ proof }) => proofs.push(proof?.deviceId));
      at(0, () => scene.enter("alice"));
      at(0, () => scene.enter("bob"));
      flush();
      expect(proofs.length).toBeGreaterThan(2);
      expect(new Set(proofs)).toEqual(new Set(["PHONE"]));
    }),
  );
});
