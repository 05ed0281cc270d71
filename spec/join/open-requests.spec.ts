// Open requests: how many of a join have no answer yet. A browser opens six connections to a server, for all that it asks.
import { defer, finalize, ignoreElements, type Observable, switchMap, timeout, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { ownMembership } from "../../src/join/join.ts";
import { type JoinOptions, resolveJoinOptions } from "../../src/join/options.ts";
import { requestTimeoutMs } from "../../src/js-sdk/sdk-request.ts";
import type { Matrix } from "../../src/matrix.ts";
import { alice, callOf, scene, slot, toTheEnd } from "./scene.ts";

/** The most open requests of a client at once. Like the port over matrix-js-sdk, it gives a request up after 30 s. */
class OpenRequests {
  readonly #open: string[] = [];
  readonly most = { restarts: 0, cancels: 0, allButCancels: 0 };

  of(matrix: Matrix): Matrix {
    const counted = <T>(name: string, effect$: Observable<T>): Observable<T> =>
      defer(() => {
        this.#open.push(name);
        this.#note();
        return effect$.pipe(
          timeout({ first: requestTimeoutMs }),
          finalize(() => this.#open.splice(this.#open.indexOf(name), 1)),
        );
      });
    return {
      ...matrix,
      schedule: (event, delayMs) => counted("schedule", matrix.schedule(event, delayMs)),
      send: (event) => counted("send", matrix.send(event)),
      updateDelayedEvent: (delayId, action, options) =>
        counted(action, matrix.updateDelayedEvent(delayId, action, options)),
    };
  }

  #note(): void {
    const { most } = this;
    const count = (name: string) => this.#open.filter((other) => other === name).length;
    most.restarts = Math.max(most.restarts, count("restart"));
    most.cancels = Math.max(most.cancels, count("cancel"));
    most.allButCancels = Math.max(most.allButCancels, this.#open.length - count("cancel"));
  }
}

/** The requests of a join if none is answered from a time on, for a minute. */
function openInOutage(outageTs: number, options: JoinOptions): OpenRequests {
  const open = new OpenRequests();
  toTheEnd(() => {
    const { home, roomId } = scene();
    const call = callOf(open.of(home.client(alice, "A")), roomId);
    const outage = { forMs: 60_000, times: 100_000 };
    timer(outageTs).subscribe(() => {
      home.injectFault({}, { lose: "request", ...outage });
      home.injectSyncFault({}, { lose: true, ...outage });
    });
    ownMembership(call, resolveJoinOptions(slot, { leaveOn: timer(120_000), ...options }))
      .pipe(ignoreElements())
      .subscribe({ error: () => {} });
  });
  return open;
}

const delegate = () => timer(1).pipe(ignoreElements());

describe.each(["legacy", "compatibility", "matrix_2_0"] as const)(
  "In an outage that nobody notices, in %s mode",
  (mode) => {
    it.each<[string, number, JoinOptions]>([
      ["has just begun", 0, {}],
      ["waits for its slot", 0, { openSlot: true }],
      ["has its delayed leave", 3, {}],
      ["waits for the answer to its write", 5, {}],
      ["is in the call", 20_000, {}],
      ["delegates its delayed leave", 20_000, { delegate }],
      ["has to be renewed", 20_000, { timing: { expiryMs: 60_000, expiryHeadroomMs: 20_000 } }],
      ["changes all the time", 20_000, { intent: timer(0, 7_000).pipe(switchMap((n) => [`intent ${n}`])) }],
      ["leaves", 20_000, { leaveOn: timer(35_000) }],
    ])("a join that %s has three restarts open at most, and six requests beside cancels", (_, outageTs, options) => {
      const { restarts, cancels, allButCancels } = openInOutage(outageTs, { ...options, mode }).most;
      expect(restarts).toBeLessThanOrEqual(3);
      expect(allButCancels).toBeLessThanOrEqual(6);
      // A cancel outlives its join. A state member that loses the network while it joins has to cancel for as long as a leave is due.
      expect(cancels).toBeLessThanOrEqual(9);
    });
  },
);
