// RunExchange: the exchange of keys of one join, run against the port and the clock. protocol.md 5.
import { EMPTY, map, merge, mergeMap, Observable, of, takeWhile, tap } from "rxjs";
import { IntervalClock } from "../rx/interval-clock.ts";
import { runMachine } from "../rx/machine.ts";
import type { Decryption, OwnMember } from "../types.ts";
import type { Delivery, KeysContext } from "./channel.ts";
import { deliveryChannel } from "./delivery.ts";
import type { ExchangeEffect } from "./effects.ts";
import type { Exchange, ExchangeInput } from "./exchange.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { verifyMessage, verifyRoomKeys } from "./verify-sender.ts";

/** A step was taken, or an effect is for the session. */
export type ExchangeOutput = { readonly kind: "stepped" } | Exclude<ExchangeEffect, { kind: "send" }>;

/** Runs an exchange while subscribed. It sends keys, and emits all other effects. */
export function runExchange(
  exchange: Exchange,
  context: KeysContext,
  own: OwnMember,
  options: ResolvedKeyOptions,
  report$: Observable<Decryption>,
): Observable<ExchangeOutput> {
  return new Observable((subscriber) => {
    const clock = new IntervalClock();
    const channel = deliveryChannel(context, own, options);
    const send = (delivery: Delivery): Observable<ExchangeInput> =>
      channel(delivery).pipe(
        tap((report) => report.kind === "note" && subscriber.next(report)),
        // A subscriber that leaves at a note is not sent for.
        takeWhile(() => !subscriber.closed),
        mergeMap((report): readonly ExchangeInput[] =>
          report.kind === "outcome" ? [{ kind: "delivery", delivery, result: report }] : [],
        ),
      );
    const steps$ = runMachine<Exchange, ExchangeInput, ExchangeEffect>({
      initial: exchange,
      // Members are read at the moment of the step, so that nobody is sent a key after leaving.
      step: (state, input, now) => ({ state, effects: state.step(input, context.membership$.value, now) }),
      inputs$: inputsOf(context, own, options, report$, clock),
      perform: (effect) => (effect.kind === "send" ? send(effect.delivery) : void subscriber.next(effect)),
      dueTs: ({ dueTs }) => dueTs,
      due: { kind: "look" },
      isOver: () => false,
      clock,
    });
    steps$.pipe(map((): ExchangeOutput => ({ kind: "stepped" }))).subscribe(subscriber);
  });
}

/** What happens to us. At first: our first key is made, then we listen, then we look at the members. */
function inputsOf(
  { matrix, roomId, slot, membership$ }: KeysContext,
  own: OwnMember,
  { requireCrossSigned }: ResolvedKeyOptions,
  report$: Observable<Decryption>,
  clock: Pick<IntervalClock, "now">,
): Observable<ExchangeInput> {
  const recipient = { ...own, roomId, slot, requireCrossSigned };
  const verification$ = merge(
    matrix.toDevice$.pipe(mergeMap((message) => verifyMessage(message, recipient, clock.now()))),
    (matrix.roomKey$ ?? EMPTY).pipe(mergeMap((event) => verifyRoomKeys(event, recipient, clock.now()))),
  );
  return merge(
    of<ExchangeInput>({ kind: "start" }),
    verification$.pipe(map((verification): ExchangeInput => ({ kind: "message", verification }))),
    report$.pipe(map((report): ExchangeInput => ({ kind: "report", report }))),
    membership$.pipe(map((): ExchangeInput => ({ kind: "look" }))),
  );
}
