// RunExchange: the exchange of keys of one join, run against the port and the clock. protocol.md 5.
import {
  distinctUntilChanged,
  EMPTY,
  filter,
  map,
  merge,
  mergeMap,
  Observable,
  of,
  Subject,
  switchMap,
  takeWhile,
  tap,
} from "rxjs";
import { proven } from "../room/proven.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { runMachine } from "../rx/machine.ts";
import { SteadyClock } from "../rx/steady-clock.ts";
import type { DecryptionReport, OwnMember } from "../types.ts";
import type { KeysContext } from "./channel.ts";
import type { Delivery } from "./delivery.ts";
import { deliveryChannel } from "./delivery-channel.ts";
import type { ExchangeEffect } from "./effects.ts";
import type { Exchange, ExchangeInput } from "./exchange.ts";
import type { ResolvedKeyOptions } from "./options.ts";
import { isForUs, verifyMessage, verifyRoomKeys } from "./verify-sender.ts";

/** A step was taken, or an effect is for the session. */
export type ExchangeOutput = { readonly kind: "stepped" } | Exclude<ExchangeEffect, { kind: "send" }>;

/** Runs an exchange while subscribed. It sends keys, and emits all other effects. */
export function runExchange(
  exchange: Exchange,
  context: KeysContext,
  self: OwnMember,
  options: ResolvedKeyOptions,
  report$: Observable<DecryptionReport>,
): Observable<ExchangeOutput> {
  return new Observable((subscriber) => {
    const clock = new SteadyClock();
    const needsRejections$ = new Subject<boolean>();
    const channel = deliveryChannel(context, self, options);
    const send = (delivery: Delivery): Observable<ExchangeInput> =>
      channel(delivery).pipe(
        tap((report) => report.kind === "note" && subscriber.next(report)),
        // If the subscriber unsubscribes at a note, nothing is sent.
        takeWhile(() => !subscriber.closed),
        mergeMap((report): readonly ExchangeInput[] =>
          report.kind === "outcome" ? [{ kind: "delivery", delivery, result: report }] : [],
        ),
      );
    const steps$ = runMachine<Exchange, ExchangeInput, ExchangeEffect>({
      initial: exchange,
      // Members are read at the moment of the step, so that nobody is sent a key after leaving.
      step: (state, input, now) => {
        const call = { members: context.membership$.value, rejections: () => context.rejected$.value };
        return { state, effects: state.step(input, call, now) };
      },
      inputs$: merge(
        needsRejections$.pipe(
          distinctUntilChanged(),
          switchMap((isNeeded) => (isNeeded ? context.rejected$ : EMPTY)),
          map((): ExchangeInput => ({ kind: "look" })),
        ),
        inputsOf(context, self, options, report$, clock),
      ),
      perform: (effect) => (effect.kind === "send" ? send(effect.delivery) : void subscriber.next(effect)),
      dueTs: ({ dueTs }) => dueTs,
      due: { kind: "look" },
      isOver: () => false,
      clock,
    });
    const stepped: ExchangeOutput = { kind: "stepped" };
    steps$
      .pipe(
        tap(({ needsRejections }) => needsRejections$.next(needsRejections)),
        map(() => stepped),
      )
      .subscribe(subscriber);
  });
}

/** Inputs in this order: start, then messages and reports, then members. */
function inputsOf(
  { matrix, roomId, slot, membership$ }: KeysContext,
  self: OwnMember,
  { requireCrossSigned }: ResolvedKeyOptions,
  report$: Observable<DecryptionReport>,
  clock: Pick<SteadyClock, "now">,
): Observable<ExchangeInput> {
  const receiver = { ...self, roomId, slot, requireCrossSigned };
  const verification$ = merge(
    matrix.toDevice$.pipe(
      // Relevance before proof: messages for others, and malformed ones, cannot make us look up devices.
      mergeMap((message) => (isForUs(message, receiver) ? proven(message) : of(message))),
      mergeMap((message) => verifyMessage(message, receiver, clock.now())),
    ),
    (matrix.roomKey$ ?? EMPTY).pipe(mergeMap((event) => verifyRoomKeys(event, receiver, clock.now()))),
  );
  const roomMember$ = changesByRoom(matrix)
    .inRoom(roomId)
    .pipe(filter((batch) => batch.some((change) => change.kind === "state" && change.type === "m.room.member")));
  return merge(
    of<ExchangeInput>({ kind: "start" }),
    verification$.pipe(map((verification): ExchangeInput => ({ kind: "message", verification }))),
    report$.pipe(map((report): ExchangeInput => ({ kind: "report", report }))),
    roomMember$.pipe(map((): ExchangeInput => ({ kind: "room-member" }))),
    membership$.pipe(map((): ExchangeInput => ({ kind: "look" }))),
  );
}
