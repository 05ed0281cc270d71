// Angular: a Behavior as a signal: `members = signalOf(session.membership$)` in a component.
import type { Signal } from "@angular/core";
import { toSignal } from "@angular/core/rxjs-interop";
import type { Behavior } from "matrixrtc-rx";

/** A Behavior has a value at once, so the signal is never undefined. It ends with its injection context. */
export const signalOf = <T>(value$: Behavior<T>): Signal<T> => toSignal(value$, { requireSync: true });
