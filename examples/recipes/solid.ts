// Solid: a Behavior as an accessor: `const members = accessor(session.membership$)` in a component.
import { type Accessor, from } from "solid-js";
import type { Behavior } from "matrixrtc-rx";

/** Follows the Behavior until its owner, for instance the component, is disposed of. */
export const accessor = <T>(value$: Behavior<T>): Accessor<T> => from(value$, value$.value);
