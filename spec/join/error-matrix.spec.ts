// The error matrix, one marble diagram for each cell: protocol.md 4.5 with its [OURS], and the table of `onError`.
import { describe, it } from "vitest";
import type { JoinOptions } from "../../src/join/options.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import type { RequestFilter, VirtualHomeserverOptions } from "../../src/testing/index.ts";
import { alice, inWords, marbles, scene } from "./scene.ts";

const words = {
  a: "checking-support",
  d: "scheduling-leave",
  e: "scheduling-leave 2",
  f: "scheduling-leave 3",
  g: "scheduling-leave 4",
  o: "opening-slot 2",
  w: "sending-membership",
  x: "sending-membership 2",
  y: "sending-membership 3",
  z: "sending-membership 4",
  j: "joined, armed",
  n: "joined, scheduling",
  u: "joined, unsupported",
  p: "joined, armed, probably left",
  b: "left-by-server",
  r: "not-renewed",
  s: "not-renewed 2",
  k: "expired",
  l: "leaving",
};

interface Cell {
  /** How a request fails; without a kind nobody answers it. */
  readonly kind?: MatrixErrorKind;
  readonly retryAfterMs?: number;
  readonly maxDelayMs?: number;
  /** Which requests fail, from when on (the start), and how many of them (one). */
  readonly request: RequestFilter;
  readonly from?: string;
  readonly times?: number;
  /** The server loses our delayed leave after a second. */
  readonly lost?: boolean;
  readonly server?: VirtualHomeserverOptions;
  readonly options?: JoinOptions;
  /** When Alice asks to leave (never). */
  readonly leave?: string;
  readonly watch: string;
  /** What is asked of the server, and what Alice sees. */
  readonly requests: string;
  readonly states: string;
  readonly error?: string;
}

const cell = (is: Cell) =>
  marbles(({ cold, expectObservable }) => {
    const { kind, request, from = "(x|)", times = 1, lost = false, server, options, leave = "", watch } = is;
    const { home, requests$, join } = scene(server);
    const { retryAfterMs, maxDelayMs } = is;
    const hints = { ...(retryAfterMs && { retryAfterMs }), ...(maxDelayMs && { maxDelayMs }) };
    const fault = kind ? { fail: new MatrixError(kind, kind, hints) } : ({ lose: "request" } as const);
    cold(from).subscribe(() => home.injectFault(request, { ...fault, times }));
    if (lost) cold("1s x").subscribe(() => home.loseDelayed(alice));
    expectObservable(requests$, watch).toBe(is.requests);
    expectObservable(inWords(join({ ...options, leaveOn: cold(leave) })), watch).toBe(is.states, words, is.error);
  });

type Rest = Omit<Cell, "request" | "watch"> & Partial<Pick<Cell, "watch">>;

const rows = (shared: Pick<Cell, "request"> & Partial<Cell>, cells: Readonly<Record<string, Rest>>) => {
  for (const [title, is] of Object.entries(cells)) it(title, cell({ watch: "^ 9s !", ...shared, ...is }));
};

/** The same for several kinds of errors. */
const each = (kinds: readonly MatrixErrorKind[], title: string, is: Rest) =>
  Object.fromEntries(kinds.map((kind) => [`${kind}: ${title}`, { kind, ...is }]));

const kinds = [
  "rate-limited",
  "network",
  "timeout",
  "not-found",
  "forbidden",
  "conflict",
  "unsupported",
  "other",
] as const;

const member = "org.matrix.msc3401.call.member";
const slotType = "org.matrix.msc4143.rtc.slot";

describe("Asking for the limits of delayed events", () => {
  rows(
    { request: { request: "delayed-events" } },
    {
      ...each(kinds, "goes on", { requests: "C-D-W-R", states: "a-d-w-j", watch: "^ 4s !" }),
      "no answer: goes on, after 2 s": {
        requests: "C 1999ms D-W-R",
        states: "  a 1999ms d-w-j",
        watch: "^ 4s !",
      },
    },
  );
});

describe("Scheduling the delayed leave, while joining", () => {
  rows(
    { request: { request: "schedule" } },
    {
      "rate-limited: again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 4s !",
        requests: "C-D 701ms   D-W-R",
        states: "  a-d-e 701ms   w-j",
      },
      "rate-limited without a hint: again after 5 s": {
        kind: "rate-limited",
        watch: "^ 9s !",
        requests: "C-D 5001ms   D-W-R",
        states: "  a-d-e 5001ms   w-j",
      },
      "network: again after 3 s": {
        kind: "network",
        watch: "^ 6s !",
        requests: "C-D 3001ms   D-W-R",
        states: "  a-d-e 3001ms   w-j",
      },
      "network, more often than it is retried: fails": {
        kind: "network",
        times: 3,
        options: { timing: { maxRetries: 2 } },
        watch: "^ 1m !",
        requests: "C-D 3001ms   D 3001ms   D",
        states: "  a-d-e 3001ms   f 3001ms (l#)",
        error: "request-failed",
      },
      "timeout that comes at once: again after 3 s": {
        kind: "timeout",
        watch: "^ 6s !",
        requests: "C-D 3001ms   D-W-R",
        states: "  a-d-e 3001ms   w-j",
      },
      "no answer: again after 10 s": {
        watch: "^ 14s !",
        requests: "C-D 9999ms D-W-R",
        states: "  a-d 9999ms e-w-j",
      },
      "not found: joins without": { kind: "not-found", watch: "^ 6s !", requests: "C-D-W", states: "a-d-w-u" },
      "forbidden: joins without": { kind: "forbidden", watch: "^ 6s !", requests: "C-D-W", states: "a-d-w-u" },
      "unsupported: joins without": { kind: "unsupported", watch: "^ 6s !", requests: "C-D-W", states: "a-d-w-u" },
      "maximum exceeded: again with the maximum": {
        kind: "max-delay-exceeded",
        maxDelayMs: 10_000,
        watch: "^ 4s !",
        requests: "C-D-D-W-R",
        states: "  a-d---w-j",
      },
      "maximum exceeded: again with the maximum, and restarted more often if that is short": {
        kind: "max-delay-exceeded",
        maxDelayMs: 3_000,
        watch: "^ 5s !",
        requests: "C-D-D-W-R 1999ms R 1999ms R",
        states: "  a-d---w-j",
      },
      "maximum exceeded: again with the maximum, down to 2 s": {
        kind: "max-delay-exceeded",
        maxDelayMs: 2_000,
        watch: "^ 1s !",
        requests: "C-D-D-W-R",
        states: "  a-d---w-j",
      },
      ...Object.fromEntries(
        [undefined, 1_999, 18_000, 20_000].map((maxDelayMs) => [
          `maximum exceeded, with the maximum ${maxDelayMs}, which is of no use: joins without`,
          {
            kind: "max-delay-exceeded",
            ...(maxDelayMs && { maxDelayMs }),
            watch: "^ 6s !",
            requests: "C-D-W",
            states: "  a-d-w-u",
          } as const,
        ]),
      ),
      ...each(["conflict", "too-large", "other"], "again after 3 s", {
        watch: "^ 6s !",
        requests: "C-D 3001ms   D-W-R",
        states: "  a-d-e 3001ms   w-j",
      }),
      "unknown, four times: joins without": {
        kind: "other",
        times: 4,
        watch: "^ 20s !",
        requests: "C-D 3001ms   D 3001ms D 3001ms D-W",
        states: "  a-d-e 3001ms   f 3001ms g 3001ms w-u",
      },
    },
  );
});

describe("Opening the slot", () => {
  rows(
    {
      request: { request: "send", type: slotType },
      server: { latencyMs: 2 },
      options: { openSlot: true },
      watch: "^ 4s !",
    },
    {
      "network: again after 3 s": {
        kind: "network",
        requests: "(CO)D 2999ms O--W--R",
        states: "  a---d---w 2995ms o---w-j",
      },
      "rate-limited: again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        requests: "(CO)D 699ms O--W--R",
        states: "  a---d---w 695ms o---w-j",
      },
      "network, more often than it is retried: joins without": {
        kind: "network",
        times: 10,
        options: { openSlot: true, timing: { maxRetries: 0 } },
        requests: "(CO)D---W--R",
        states: "  a---d---w--j",
      },
      ...each(["forbidden", "not-found", "unsupported", "conflict", "other"], "joins without", {
        requests: "(CO)D---W--R",
        states: "  a---d---w--j",
      }),
    },
  );
});

describe("Scheduling another delayed leave, while joined", () => {
  rows(
    { request: { request: "schedule" }, from: "1s (x|)", lost: true },
    {
      "rate-limited: again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R-D 701ms D",
        states: "  a-d-w-j 5001ms   n 703ms   j",
      },
      "network: again after 3 s": {
        kind: "network",
        watch: "^ 11s !",
        requests: "C-D-W-R 4999ms R-D 3001ms D",
        states: "  a-d-w-j 5001ms   n 3003ms   j",
      },
      "network, more often than it is retried: goes on, ten times more slowly": {
        kind: "network",
        times: 4,
        options: { timing: { maxRetries: 2 } },
        watch: "^ 90s !",
        requests: "C-D-W-R 4999ms R-D 3001ms D 3001ms D 30001ms D 30001ms D 4999ms R 4999ms R 4999ms R",
        states: "  a-d-w-j 5001ms   n 66009ms                   j",
      },
      "timeout that comes at once: again after 3 s": {
        kind: "timeout",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R-D 3001ms D",
        states: "  a-d-w-j 5001ms   n 3003ms   j",
      },
      "not found: gives up delayed leaves, and expires sooner": {
        kind: "not-found",
        watch: "^ 20s !",
        requests: "C-D-W-R 4999ms R-D-W",
        states: "  a-d-w-j 5001ms   n-u",
      },
      "forbidden: gives up delayed leaves, and expires sooner": {
        kind: "forbidden",
        watch: "^ 20s !",
        requests: "C-D-W-R 4999ms R-D-W",
        states: "  a-d-w-j 5001ms   n-u",
      },
      "unsupported: gives up delayed leaves, and expires sooner": {
        kind: "unsupported",
        watch: "^ 20s !",
        requests: "C-D-W-R 4999ms R-D-W",
        states: "  a-d-w-j 5001ms   n-u",
      },
      "maximum exceeded: again with the maximum": {
        kind: "max-delay-exceeded",
        maxDelayMs: 10_000,
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R-D-D",
        states: "  a-d-w-j 5001ms   n---j",
      },
      "unknown: again after 3 s": {
        kind: "other",
        watch: "^ 11s !",
        requests: "C-D-W-R 4999ms R-D 3001ms D",
        states: "  a-d-w-j 5001ms   n 3003ms   j",
      },
      "unknown, four times: gives up delayed leaves, and expires sooner": {
        kind: "other",
        times: 4,
        watch: "^ 20s !",
        requests: "C-D-W-R 4999ms R-D 3001ms D 3001ms D 3001ms D-W",
        states: "  a-d-w-j 5001ms   n 9007ms                     u",
      },
    },
  );
});

describe("Restarting the delayed leave", () => {
  rows(
    { request: { request: "restart" }, from: "1s (x|)" },
    {
      "rate-limited: the same again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R 701ms R",
        states: "  a-d-w-j",
      },
      "network: the same again after a second": {
        kind: "network",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R 1001ms R",
        states: "  a-d-w-j",
      },
      "timeout that comes at once: the same again after a second": {
        kind: "timeout",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R 1001ms R",
        states: "  a-d-w-j",
      },
      "no answer: the same again after 2 s": {
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R 1999ms R",
        states: "  a-d-w-j",
      },
      "not found before its time: schedules anew": {
        kind: "not-found",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R-D",
        states: "  a-d-w-j 5001ms   n-j",
      },
      "conflict before its time: schedules anew": {
        kind: "conflict",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R-D",
        states: "  a-d-w-j 5001ms   n-j",
      },
      "unsupported: gives up delayed leaves, and expires sooner": {
        kind: "unsupported",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R-W",
        states: "  a-d-w-j 5001ms   u",
      },
      "forbidden: the same again after 3 s": {
        kind: "forbidden",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R 3001ms R",
        states: "  a-d-w-j",
      },
      "unknown: the same again after 3 s": {
        kind: "other",
        watch: "^ 9s !",
        requests: "C-D-W-R 4999ms R 3001ms R",
        states: "  a-d-w-j",
      },
    },
  );

  const outage = { request: { request: "restart" }, from: "1s (x|)", lost: true } as const;
  rows(outage, {
    "not found after its time: joins again": {
      kind: "network",
      times: 13,
      watch: "^ 22s !",
      requests: `C-D-W-R 4999ms ${"R 1001ms ".repeat(13)}R-D-W-R`,
      states: "  a-d-w-j 17999ms                         p 27ms b---j",
    },
    "unknown until after its time: joins again": {
      kind: "other",
      times: 6,
      watch: "^ 24s !",
      requests: "C-D-W-R 4999ms R 3001ms R 3001ms R 3001ms R 3001ms R        3001ms R-D-W-R",
      states: "  a-d-w-j 17999ms                                      p 2011ms       b---j",
    },
  });
});

describe("Writing the membership that joins", () => {
  rows(
    { request: { request: "send", type: member } },
    {
      "rate-limited: again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 4s !",
        requests: "C-D-W 701ms   W-R",
        states: "  a-d-w-x 701ms   j",
      },
      "network: again after 3 s": {
        kind: "network",
        watch: "^ 4s !",
        requests: "C-D-W 3001ms   W-R",
        states: "  a-d-w-x 3001ms   j",
      },
      "network, more often than it is retried: fails, and leaves once": {
        kind: "network",
        times: 2,
        options: { timing: { maxRetries: 1 } },
        watch: "^ 9s !",
        requests: "C-D-W 3001ms   W-L",
        states: "  a-d-w-x 3001ms   l-#",
        error: "request-failed",
      },
      "timeout that comes at once: again after 3 s": {
        kind: "timeout",
        watch: "^ 4s !",
        requests: "C-D-W 3001ms   W-R",
        states: "  a-d-w-x 3001ms   j",
      },
      "no answer: again after 10 s, kept safe by restarts": {
        watch: "^ 14s !",
        requests: "C-D-W 4997ms R 4999ms R-W-R",
        states: "  a-d-w 9999ms          x-j",
      },
      "forbidden: fails": {
        kind: "forbidden",
        watch: "^ 9s !",
        requests: "C-D-W-X",
        states: "  a-d-w-l-#",
        error: "join-refused",
      },
      "unsupported: fails": {
        kind: "unsupported",
        watch: "^ 9s !",
        requests: "C-D-W-X",
        states: "  a-d-w-l-#",
        error: "unsupported",
      },
      "too large: fails": {
        kind: "too-large",
        watch: "^ 9s !",
        requests: "C-D-W-X",
        states: "  a-d-w-l-#",
        error: "bad-argument",
      },
      ...each(["not-found", "conflict", "max-delay-exceeded", "other"], "again after 3 s", {
        watch: "^ 4s !",
        requests: "C-D-W 3001ms   W-R",
        states: "  a-d-w-x 3001ms   j",
      }),
      "unknown, four times: fails, and leaves once": {
        kind: "other",
        times: 4,
        watch: "^ 20s !",
        requests: "C-D-W 3001ms   W 1995ms R 1005ms W 3001ms W-L",
        states: "  a-d-w-x 3001ms   y 3001ms          z 3001ms l-#",
        error: "request-failed",
      },
    },
  );

  it(
    "a lost answer does no harm: the room shows us",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      home.injectFault({ request: "send" }, { lose: "response" });
      expectObservable(requests$, "              ^ 4s !").toBe("C-D-W-R");
      expectObservable(inWords(join()), "^ 4s !").toBe("        a-d-w-j", words);
      expectObservable(cold("-"), "^ 4s !").toBe("-");
    }),
  );
});

describe("Renewing the membership", () => {
  // The shortest expiry. The restarts are rare, so that few are drawn.
  const soon = { expiryMs: 60_000, expiryHeadroomMs: 30_000, delayedLeaveMs: 60_000, delayedLeaveRestartMs: 29_000 };
  rows(
    { request: { request: "send", type: member }, from: "1s (x|)", options: { timing: soon } },
    {
      "rate-limited: again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 33s !",
        requests: "C-D-W-R 28999ms R 997ms W 701ms W",
        states: "  a-d-w-j",
      },
      "network: again after 3 s": {
        kind: "network",
        watch: "^ 34s !",
        requests: "C-D-W-R 28999ms R 997ms W 3001ms W",
        states: "  a-d-w-j",
      },
      "network, more often than it is retried: goes on, ten times more slowly, until it expires": {
        kind: "network",
        times: 2,
        options: { timing: { ...soon, maxRetries: 1 } },
        watch: "^ 64s !",
        requests: "C-D-W-R 28999ms R 997ms W 3001ms W 24999ms R 1997ms R-W-R",
        states: "  a-d-w-j 59997ms                                  k---j",
      },
      "timeout that comes at once: again after 3 s": {
        kind: "timeout",
        watch: "^ 34s !",
        requests: "C-D-W-R 28999ms R 997ms W 3001ms W",
        states: "  a-d-w-j",
      },
      "forbidden: fails, and leaves once": {
        kind: "forbidden",
        watch: "^ 33s !",
        requests: "C-D-W-R 28999ms R 997ms W-S",
        states: "  a-d-w-j 29999ms         l-#",
        error: "join-refused",
      },
      "unsupported: fails, and leaves once": {
        kind: "unsupported",
        watch: "^ 33s !",
        requests: "C-D-W-R 28999ms R 997ms W-S",
        states: "  a-d-w-j 29999ms         l-#",
        error: "unsupported",
      },
      "unknown: again after 3 s": {
        kind: "other",
        watch: "^ 34s !",
        requests: "C-D-W-R 28999ms R 997ms W 3001ms W",
        states: "  a-d-w-j",
      },
      "unknown, more often than it is retried: joins again": {
        kind: "other",
        times: 2,
        options: { timing: { ...soon, maxRetries: 1 } },
        watch: "^ 38s !",
        requests: "C-D-W-R 28999ms R 997ms W 3001ms W-R-W-R",
        states: "  a-d-w-j 33001ms                  r---j",
      },
    },
  );
});

describe("Sending the delayed leave, to leave (B15)", () => {
  rows(
    { request: { request: "send-delayed" }, leave: "1s x" },
    {
      "rate-limited: a leave after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 9s !",
        requests: "C-D-W-R 993ms S 701ms L-X",
        states: "  a-d-w-j 993ms l 705ms    |",
      },
      "network: a leave after 3 s": {
        kind: "network",
        watch: "^ 9s !",
        requests: "C-D-W-R 993ms S 3001ms L-X",
        states: "  a-d-w-j 993ms l 3005ms    |",
      },
      "timeout: a leave at once": {
        kind: "timeout",
        watch: "^ 9s !",
        requests: "C-D-W-R 993ms S-L-X",
        states: "  a-d-w-j 993ms l-----|",
      },
      "no answer: a leave after 2 s": {
        watch: "^ 9s !",
        requests: "C-D-W-R 993ms S 1999ms L-X",
        states: "  a-d-w-j 993ms l 2003ms    |",
      },
      ...each(["not-found", "conflict", "unsupported"], "a leave at once, and nothing to cancel", {
        watch: "^ 9s !",
        requests: "C-D-W-R 993ms S-L",
        states: "  a-d-w-j 993ms l---|",
      }),
      ...each(["forbidden", "max-delay-exceeded", "other"], "a leave at once", {
        watch: "^ 9s !",
        requests: "C-D-W-R 993ms S-L-X",
        states: "  a-d-w-j 993ms l-----|",
      }),
    },
  );
});

describe("Sending a leave", () => {
  rows(
    { request: { request: "send" }, from: "500ms (x|)", leave: "1s x", server: { delayedEvents: false } },
    {
      "rate-limited: again after the given wait": {
        kind: "rate-limited",
        retryAfterMs: 700,
        watch: "^ 9s !",
        requests: "C-W 997ms    L 701ms L",
        states: "  a-w-u 995ms  l 703ms  |",
      },
      "network: again after 3 s": {
        kind: "network",
        watch: "^ 9s !",
        requests: "C-W 997ms    L 3001ms L",
        states: "  a-w-u 995ms  l 3003ms  |",
      },
      "timeout that comes at once: again after 3 s": {
        kind: "timeout",
        watch: "^ 9s !",
        requests: "C-W 997ms    L 3001ms L",
        states: "  a-w-u 995ms  l 3003ms  |",
      },
      "no answer: again after 10 s, when the caller has stopped waiting": {
        watch: "^ 20s !",
        requests: "C-W 997ms    L 9999ms L",
        states: "  a-w-u 995ms  l 9999ms #",
        error: "leave-timeout",
      },
      ...each(["not-found", "forbidden", "conflict", "unsupported", "max-delay-exceeded", "other"], "again after 3 s", {
        watch: "^ 9s !",
        requests: "C-W 997ms    L 3001ms L",
        states: "  a-w-u 995ms  l 3003ms  |",
      }),
      "unknown, more often than it is retried: fails": {
        kind: "other",
        times: 3,
        options: { timing: { maxRetries: 2 } },
        watch: "^ 20s !",
        requests: "C-W 997ms    L 3001ms L 3001ms L",
        states: "  a-w-u 995ms  l 6005ms          #",
        error: "request-failed",
      },
    },
  );
});

describe("Cancelling the delayed leave, having left before we joined", () => {
  rows(
    { request: { request: "cancel" }, leave: "---x" },
    {
      ...each(kinds, "has left anyway", { requests: "C-D-X", states: "a-dl--|", watch: "^ 9s !" }),
      "no answer: has left anyway, after 2 s": {
        watch: "^ 9s !",
        requests: "C-D-X",
        states: "  a-dl 2000ms |",
      },
    },
  );
});
