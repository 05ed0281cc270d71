// RunExchange: the exchange of keys of one join, run against the port and the clock. protocol.md 5.
import { asyncScheduler, catchError, EMPTY, map, merge, mergeMap, Observable, of, takeWhile, tap } from "rxjs";
import { runMachine } from "../rx/machine.ts";
import type { Decryption, OwnMember } from "../types.ts";
import type { Delivery, DeliveryReport, KeysContext } from "./channel.ts";
import { deliveryChannel } from "./delivery.ts";
import { type Exchange, type ExchangeEffect, type ExchangeInput, note } from "./exchange.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { verifyMessage, verifyRoomKeys } from "./verify-sender.ts";

/** A step was taken, or an effect is for the session. */
export type ExchangeOutput = { readonly kind: "stepped" } | Exclude<ExchangeEffect, { kind: "send" }>;

/** Runs an exchange while subscribed. It sends keys; all other effects are emitted. */
export function runExchange(
  exchange: Exchange,
  context: KeysContext,
  own: OwnMember,
  options: ResolvedKeyOptions,
  report$: Observable<Decryption>,
): Observable<ExchangeOutput> {
  return new Observable((subscriber) => {
    const channel = deliveryChannel(context, own, options);
    const send = (delivery: Delivery): Observable<ExchangeInput> =>
      channel(delivery).pipe(
        tap((report) => {
          const effect = noteOf(delivery, report);
          if (effect) subscriber.next(effect);
        }),
        // A subscriber that leaves at such a note sends nothing.
        takeWhile(() => !subscriber.closed),
        mergeMap((report) =>
          report.kind === "outcome" ? of<ExchangeInput>({ kind: "delivery", delivery, result: report }) : EMPTY,
        ),
      );
    const inputs$ = inputsOf(context, own, options, report$).pipe(
      catchError((error: unknown) => {
        subscriber.error(error);
        return EMPTY;
      }),
    );
    const steps$ = runMachine<Exchange, ExchangeInput, ExchangeEffect>({
      initial: exchange,
      // Members are read at the moment of the step, so that nobody is sent a key after leaving.
      step: (state, input, now) => ({ state, effects: state.step(input, context.membership$.value, now) }),
      inputs$,
      perform: (effect) => (effect.kind === "send" ? send(effect.delivery) : void subscriber.next(effect)),
      dueTs: ({ dueTs }) => dueTs,
      due: { kind: "look" },
      isOver: () => false,
    });
    steps$.pipe(map((): ExchangeOutput => ({ kind: "stepped" }))).subscribe(subscriber);
  });
}

/** What happens to us, in this order at first: our first key is made, then we listen, then we look at the members. */
function inputsOf(
  { matrix, roomId, slot, membership$ }: KeysContext,
  own: OwnMember,
  { requireCrossSigned }: ResolvedKeyOptions,
  report$: Observable<Decryption>,
): Observable<ExchangeInput> {
  const recipient = { ...own, roomId, slot, requireCrossSigned };
  const verification$ = merge(
    matrix.toDevice$.pipe(mergeMap((message) => verifyMessage(message, recipient, asyncScheduler.now()))),
    (matrix.roomKey$ ?? EMPTY).pipe(mergeMap((event) => verifyRoomKeys(event, recipient, asyncScheduler.now()))),
  );
  return merge(
    of<ExchangeInput>({ kind: "start" }),
    verification$.pipe(map((verification): ExchangeInput => ({ kind: "message", verification }))),
    report$.pipe(map((report): ExchangeInput => ({ kind: "report", report }))),
    membership$.pipe(map((): ExchangeInput => ({ kind: "look" }))),
  );
}

function noteOf({ key: { keyIndex } }: Delivery, report: DeliveryReport): ExchangeOutput | undefined {
  switch (report.kind) {
    case "sending": {
      const { transport, devices } = report;
      return note({ kind: "key-sent", keyIndex, transport, devices }, { sends: 1 });
    }
    case "withheld":
      return note({ kind: "key-withheld", keyIndex });
    case "outcome":
      return undefined;
  }
}
