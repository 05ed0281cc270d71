// The members of a call, live: a view of its room that is kept in step while somebody is subscribed to any side of it.
import { asyncScheduler, Observable, Subject } from "rxjs";
import type { Matrix, News } from "../matrix.ts";
import { everythingIn, roomNews, type Watcher } from "../news.ts";
import { readSlot } from "../room/slot.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import type { Membership, Slot } from "../types.ts";
import type { Rejection } from "./rejection.ts";
import { type MembershipTrace, traceOf } from "./trace.ts";
import { View, type ViewOptions } from "./view.ts";

/** The reading side of a session. */
export interface Members {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly rejected$: Behavior<readonly Rejection[]>;
  readonly slot$: Behavior<Slot>;
}

type Note = (entry: MembershipTrace) => void;

export function members(matrix: Matrix, options: ViewOptions, trace: Note): Members {
  const live = new LiveView(matrix, options, trace);
  return {
    membership$: behavior(() => live.view.members, live.looked$),
    rejected$: behavior(() => live.view.rejections, live.looked$),
    slot$: behavior(() => live.slot, live.looked$),
  };
}

class LiveView implements Watcher {
  readonly #matrix: Matrix;
  readonly #options: ViewOptions;
  readonly #trace: Note;
  readonly #told$ = new Subject<void>();
  #subscribers = 0;
  #stop: (() => void) | undefined;
  /** The view that is being kept, from its first look on. */
  #view: View | undefined;
  /** The list that the last view gave, for those who still hold it. */
  #earlier: WeakRef<readonly Membership[]> | undefined;
  #slot: Slot = { status: "absent" };

  /** Emits whenever the view has looked, and keeps it for as long as anybody is subscribed. */
  readonly looked$: Observable<void> = new Observable((subscriber) => {
    this.#told$.subscribe(subscriber);
    this.#subscribers += 1;
    if (this.#subscribers === 1) this.#start();
    subscriber.add(() => {
      this.#subscribers -= 1;
      if (this.#subscribers === 0) this.#end();
    });
  });

  constructor(matrix: Matrix, options: ViewOptions, trace: Note) {
    this.#matrix = matrix;
    this.#options = options;
    this.#trace = trace;
  }

  /** The view that is being kept, or one for the moment. */
  get view(): View {
    if (this.#view) return this.#view;
    const passing = this.#open();
    passing.look(everythingIn(this.#options.roomId), asyncScheduler.now());
    this.#earlier = new WeakRef(passing.members);
    return passing;
  }

  get slot(): Slot {
    const { roomId, slot, requireSlotEncryption } = this.#options;
    const read = this.#view?.slot ?? readSlot(this.#matrix, roomId, slot, requireSlotEncryption);
    if (!isSameSlot(read, this.#slot)) this.#slot = read;
    return this.#slot;
  }

  get deadlineTs(): number | undefined {
    return this.#view?.deadlineTs;
  }

  look(batch: readonly News[]): void {
    const view = this.#view ?? this.#open();
    const changes = view.look(batch, asyncScheduler.now());
    this.#view = view;
    for (const entry of traceOf(changes)) this.#trace(entry);
    this.#told$.next();
  }

  #open(): View {
    return new View(this.#matrix, this.#options, this.#earlier?.deref());
  }

  #start(): void {
    this.#stop = roomNews(this.#matrix).watch(this.#options.roomId, this);
  }

  #end(): void {
    this.#stop?.();
    if (this.#view) this.#earlier = new WeakRef(this.#view.members);
    this.#view = undefined;
  }
}

const isSameSlot = (a: Slot, b: Slot): boolean => a.status === b.status && a.application === b.application;
