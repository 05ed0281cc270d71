// MarbleNames: members and keys as words that fit into a marble diagram, and members made from such words.
import { BehaviorSubject, map, type Observable } from "rxjs";
import type { JoinState } from "../join/join-state.ts";
import { participantIdentity } from "../membership/identity.ts";
import type { Behavior } from "../rx/behavior.ts";
import { localpart } from "./localpart.ts";
import type { EncryptionKey, Membership } from "../types.ts";

/**
 * A list of members in words, in its order: the local part of each user id, followed by `/` and the device if a user is
 * in the list more than once.
 *
 * @example
 * ```ts
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { memberNames, virtualHomeserver } from "matrixrtc-rx/testing";
 * import { map } from "rxjs";
 * import { TestScheduler } from "rxjs/testing";
 *
 * const scheduler = new TestScheduler((actual, expected) =>
 *   console.assert(JSON.stringify(actual) === JSON.stringify(expected)),
 * );
 * scheduler.run(({ cold, expectObservable }) => {
 *   const home = virtualHomeserver({ latencyMs: 2, syncMs: 1 });
 *   const roomId = home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 *   const options = { roomId, slot: "m.call#ROOM" };
 *   const watcher = encryptedSession(home.client("@alice:example.org", "PHONE"), options);
 *   const bob = encryptedSession(home.client("@bob:example.org", "LAPTOP"), options);
 *
 *   bob.join({ leaveOn: cold("1s x") }).subscribe();
 *   expectObservable(watcher.membership$.pipe(map(memberNames)), "^ 5s !").toBe("n 10ms b 991ms n", { n: "", b: "bob" });
 * });
 * ```
 */
export function memberNames(members: readonly Membership[]): string {
  const times = (userId: string) => members.filter((member) => member.userId === userId).length;
  const name = ({ userId, deviceId }: Membership) =>
    times(userId) > 1 ? `${localpart(userId)}/${deviceId}` : localpart(userId);
  return members.map(name).join(" ");
}

/**
 * Makes members from words, as input for code that takes members. It is the reverse of `memberNames`.
 *
 * The same name gives the same object each time, like a member of a session that has not changed.
 *
 * @example
 * ```ts
 * import { membersNamed } from "matrixrtc-rx/testing";
 *
 * const [alice, bob] = membersNamed("alice bob/LAPTOP");
 * console.assert(alice?.userId === "@alice:example.org" && bob?.deviceId === "LAPTOP");
 * console.assert(membersNamed("bob/LAPTOP alice")[1] === alice);
 * ```
 */
export function membersNamed(names: string): readonly Membership[] {
  return membersByUserAndDevice(names);
}

/**
 * Makes a `membership$` from marbles of names, as input for code that takes the `membership$` of a session. Its value is
 * an empty list before the first name.
 *
 * @example
 * ```ts
 * import { map } from "rxjs";
 * import { TestScheduler } from "rxjs/testing";
 * import { membershipMarbles } from "matrixrtc-rx/testing";
 *
 * const equal = (actual: unknown, expected: unknown) =>
 *   console.assert(JSON.stringify(actual) === JSON.stringify(expected));
 * new TestScheduler(equal).run(({ cold, expectObservable }) => {
 *   const membership$ = membershipMarbles(cold("a--b--a", { a: "alice", b: "alice bob" }));
 *   const isAlone$ = membership$.pipe(map((members) => members.length === 1));
 *   expectObservable(isAlone$).toBe("           t--f--t", { t: true, f: false });
 * });
 * ```
 */
export function membershipMarbles(names$: Observable<string>): Behavior<readonly Membership[]> {
  const members$ = new BehaviorSubject(membersNamed(""));
  names$.pipe(map(membersNamed)).subscribe(members$);
  return members$;
}

/**
 * The name of a key: the local part of its owner and its index, such as `alice#0`. Never the key itself.
 *
 * @example
 * ```ts
 * import type { EncryptionKey } from "matrixrtc-rx/encryption";
 * import { keyName } from "matrixrtc-rx/testing";
 *
 * const [userId, deviceId, participantIdentity] = ["@alice:example.org", "PHONE", "@alice:example.org:PHONE"];
 * const member = { userId, deviceId, memberId: "1", participantIdentity };
 * const encryptionKey: EncryptionKey = { ...member, keyIndex: 3, key: new Uint8Array(16), own: false, sinceTs: 0 };
 * console.assert(keyName(encryptionKey) === "alice#3");
 * ```
 */
export function keyName({ userId, keyIndex }: Pick<EncryptionKey, "userId" | "keyIndex">): string {
  return `${localpart(userId)}#${keyIndex}`;
}

/**
 * Makes a function that makes members of names by rules of its own. `fieldsOf` returns what a name says: the fields in
 * which its member differs from a state member that is named like the user.
 */
export function membersBy(fieldsOf: (name: string) => Partial<Membership>): (names: string) => readonly Membership[] {
  const made = new Map<string, Membership>();
  const memberOf = (name: string): Membership => {
    const known = made.get(name);
    if (known) return known;
    const member = memberWith(name, fieldsOf(name));
    made.set(name, member);
    return member;
  };
  return (names) => names.split(" ").filter(Boolean).map(memberOf);
}

const membersByUserAndDevice = membersBy((name) => {
  const [user = "", deviceId = "PHONE"] = name.split("/");
  return { userId: `@${user}:example.org`, deviceId };
});

function memberWith(name: string, fields: Partial<Membership>): Membership {
  const { kind = "state", userId = `@${name}:example.org`, deviceId = "PHONE" } = fields;
  const { memberId = `${userId}:${deviceId}` } = fields;
  return {
    kind,
    userId,
    deviceId,
    memberId,
    instance: name,
    slot: "m.call#ROOM",
    application: { type: "m.call" },
    intent: undefined,
    transports: [],
    focusSelection: kind === "state" ? "multi_sfu" : undefined,
    createdTs: 0,
    expiresTs: Infinity,
    participantIdentity: participantIdentity(kind, userId, deviceId, memberId),
    eventId: `$${name}`,
    ...fields,
  };
}

/**
 * The state of a join as a word: `joining`, `joined`, `probably-left`, `rejoining` or `leaving`. `probably-left` is
 * `joined` while the others probably see us as gone.
 *
 * @example
 * ```ts
 * import { stateName } from "matrixrtc-rx/testing";
 *
 * const member = { kind: "state", userId: "@alice:example.org", deviceId: "A", memberId: "1", participantIdentity: "" } as const;
 * console.assert(stateName({ status: "leaving", member, sinceTs: 0 }) === "leaving");
 * ```
 */
export function stateName(state: JoinState): string {
  return state.status === "joined" && state.probablyLeft ? "probably-left" : state.status;
}
