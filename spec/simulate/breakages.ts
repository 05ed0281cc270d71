// Breakages: deliberate faults of the library. Each one is a change of one text, and the storm must find it. docs/simulation.md.

export interface Breakage {
  readonly name: string;
  /** The invariant that it breaks. */
  readonly breaks: string;
  /** Relative to src. */
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

export const breakages: readonly Breakage[] = [
  {
    name: "no new key when a member leaves",
    breaks: "5",
    file: "keys/own-keys.ts",
    text: "      exposedSinceTs: newest.exposedSinceTs,",
    becomes: "      exposedSinceTs: undefined,",
  },
  {
    name: "a joiner is not served",
    breaks: "4, 6",
    file: "keys/own-keys.ts",
    text: "        else if (isFresh) key.enqueue(device, now);",
    becomes: "",
  },
  {
    name: "a new key goes to members who have left",
    breaks: "5",
    file: "keys/own-keys.ts",
    text: "    this.#recipients.delete(deviceKey(device));",
    becomes: "",
  },
  {
    name: "the index in key messages is wrong",
    breaks: "4",
    file: "keys/wire.ts",
    text: "      keys: { index: keyIndex,",
    becomes: "      keys: { index: (keyIndex + 1) % 256,",
  },
  {
    name: "a missing key is never requested",
    breaks: "4",
    file: "keys/key-requests.ts",
    text: "  popDue(",
    becomes:
      '  popDue(...args: Parameters<KeyRequests["popDueReally"]>): DueRequests {\n    return { ...this.popDueReally(...args), requested: [] };\n  }\n\n  popDueReally(',
  },
  {
    name: "a request for our key is not answered",
    breaks: "4",
    file: "keys/own-keys.ts",
    text: "    if (!this.#recipients.has(deviceKey(device)) || now < this.#resends.nextTs(device, now)) return;",
    becomes: "    if (now < Infinity) return;",
  },
  {
    name: "a membership is written without a delayed leave",
    breaks: "2",
    file: "join/plan.ts",
    text: "  if (mayWrite && isGuarded(draft))",
    becomes: "  if (mayWrite)",
  },
  {
    name: "a request that failed is never tried again",
    breaks: "3",
    file: "join/backoff.ts",
    text: "  const untilTs = draft.now + Math.max(0, ms);",
    becomes: "  const untilTs = draft.now + Math.max(86_400_000, ms);",
  },
  {
    name: "a membership is not renewed",
    breaks: "3",
    file: "join/plan.ts",
    text: '  if (now >= refreshTs) return "refresh";',
    becomes: "  if (now >= refreshTs) return undefined;",
  },
  {
    name: "the delayed leave is not restarted",
    breaks: "1, 3",
    file: "join/plan.ts",
    text: "  const isDue = now >= held.restartTs ||",
    becomes: "  const isDue = now >= held.restartTs + 120_000 ||",
  },
  {
    name: "a member that the room shows as gone does not join again",
    breaks: "3",
    file: "join/on-input.ts",
    text: '  } else if (createdTs === undefined && draft.phase !== "leaving") {\n    presence.isMissing = true;',
    becomes: '  } else if (createdTs === undefined && draft.phase !== "leaving") {\n    presence.isMissing = false;',
  },
  {
    name: "a late answer is ignored",
    breaks: "3",
    file: "join/on-input.ts",
    text: "  onAnswer(draft, timedOut, answer, true);",
    becomes: "  if (!answer.ok) onAnswer(draft, timedOut, answer, true);",
  },
  {
    name: "a delayed leave that is not wanted any more is not cancelled",
    breaks: "1, 3, 9",
    file: "join/plan.ts",
    text: '  return obsolete && { kind: "cancel", delayId: obsolete.delayId };',
    becomes: "  return obsolete && undefined;",
  },
  {
    name: "closing does not send a leave",
    breaks: "9",
    file: "join/plan.ts",
    text: "  if (armed && !leaving.reason && !leaving.hasSendFailed && !isAmbiguous(draft)) {",
    becomes:
      '  if (leaving.cause === "unsubscribe") return "end";\n  if (armed && !leaving.reason && !leaving.hasSendFailed && !isAmbiguous(draft)) {',
  },
  {
    name: "users who enter the room later do not get a sticky membership again",
    breaks: "1",
    file: "join/late-room-members.ts",
    text: "      return eventId !== undefined && isAnother && userId !== matrix.userId;",
    becomes: "      return eventId !== undefined && !isAnother && userId !== matrix.userId;",
  },
  {
    name: "memberships do not end by the clock",
    breaks: "1, 9",
    file: "room/room-changes.ts",
    text: "    watch.endTs = deadlineTs;",
    becomes: "    watch.endTs = Infinity;",
  },
  {
    name: "a watcher keeps its subscription to the client",
    breaks: "9",
    file: "room/room-changes.ts",
    text: "    this.#listening?.unsubscribe();",
    becomes: "",
  },
  {
    name: "of two sticky events with one key, the older one counts",
    breaks: "1",
    file: "membership/current-events.ts",
    text: "    if (before && !outranks(event, before.event))",
    becomes: "    if (before && outranks(event, before.event))",
  },
  {
    name: "two keys in a row share an index",
    breaks: "4",
    file: "keys/own-keys.ts",
    text: "(this.#active.keyIndex + 1) % 256",
    becomes: "(this.#active.keyIndex | 1) % 256",
  },
  {
    name: "a member that comes back within the use delay does not get the next key",
    breaks: "6",
    file: "keys/own-keys.ts",
    text: "      for (const key of this.#keys()) {\n        if (key.mayBeHeldBy(device)) key.enqueue(",
    becomes: "      for (const key of [this.#active]) {\n        if (key.mayBeHeldBy(device)) key.enqueue(",
  },
  {
    name: "a sticky membership ends on the server before it is renewed",
    breaks: "3",
    file: "join/requester.ts",
    text: "      return { ...sticky(request.txn, request.lifetimeMs), content };",
    becomes: "      return { ...sticky(request.txn, request.lifetimeMs / 2), content };",
  },
  {
    name: "a younger member comes before an older one",
    breaks: "1",
    file: "membership/order.ts",
    text: "    a.createdTs - b.createdTs ||",
    becomes: "    b.createdTs - a.createdTs ||",
  },
  {
    name: "a renewal does not say when the stay began",
    breaks: "1",
    file: "join/plan.ts",
    text: "    createdTs: isFirst ? undefined : createdTs,",
    becomes: "    createdTs: isFirst || createdTs > 0 ? undefined : createdTs,",
  },
  {
    name: "a member that has our key is said to lack it",
    breaks: "4",
    file: "keys/peer.ts",
    text: 'unreached: outcome === "sent" ? undefined : outcome };',
    becomes: 'unreached: outcome === "sent" ? peer.unreached : outcome };',
  },
  {
    name: "a request that failed is tried again after a random time alone",
    breaks: "7",
    file: "join/backoff.ts",
    text: "  return ms + jitter(draft, ms);",
    becomes: "  return jitter(draft, ms);",
  },
  {
    name: "a timeout that comes at once is tried again each second",
    breaks: "7",
    file: "join/backoff.ts",
    text: '  const hadAllItsTime = error.kind === "timeout" && now >= timeoutTs;',
    becomes: '  const hadAllItsTime = error.kind === "timeout" && now <= timeoutTs;',
  },
];
