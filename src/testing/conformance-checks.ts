// ConformanceChecks: what a case of the conformance suite is, and how it checks.
import {
  asyncScheduler,
  firstValueFrom,
  lastValueFrom,
  type Observable,
  type Subscription,
  throwError,
  timeout,
  timer,
  toArray,
} from "rxjs";
import { MatrixError } from "../matrix.ts";
import { isObject } from "../room/json.ts";
import type { ConformanceFailure, ConformanceWorld, ConformanceWorldOptions } from "./conformance-world.ts";

/** A promise of the port, and how it is checked in a world. */
export interface PortPromise {
  readonly title: string;
  readonly needs?: Partial<ConformanceWorldOptions>;
  readonly check: (world: ConformanceWorld) => Promise<void>;
}

const defaultPatienceMs = 5_000;
const pollMs = 2;

/** Fails the case unless the condition holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fails the case unless both values have the same JSON. */
export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [sortedJson(actual), sortedJson(expected)];
  check(found === wanted, `${what}: expected ${wanted}, found ${found}`);
}

/** Waits for a condition, because clients decrypt and look things up in their own time. */
export async function eventually(
  { patienceMs = defaultPatienceMs }: ConformanceWorld,
  condition: () => boolean,
  message: () => string,
): Promise<void> {
  const endTs = asyncScheduler.now() + patienceMs;
  while (!condition()) {
    if (asyncScheduler.now() > endTs) throw new Error(`${message()} (waited for ${patienceMs} ms)`);
    await firstValueFrom(timer(pollMs));
  }
}

/** The values of an effect, once it has completed. */
export function valuesOf<T>(effect$: Observable<T>): Promise<T[]> {
  const message = `the effect did not end within ${defaultPatienceMs} ms`;
  const all$ = effect$.pipe(toArray());
  return lastValueFrom(
    all$.pipe(timeout({ first: defaultPatienceMs, with: () => throwError(() => new Error(message)) })),
  );
}

/** Waits until an effect has ended, with or without an error. */
export const settled = (effect$: Observable<unknown>): Promise<unknown> => valuesOf(effect$).catch(() => undefined);

/** Checks that an effect fails as it must, and returns its error. */
export async function checkFails(effect$: Observable<unknown>, failure: Expected, what: string): Promise<MatrixError> {
  const { kind, retryAfterMs, maxDelayMs } = failure;
  const error: unknown = await valuesOf(effect$).then(
    () => check(false, `${what}: the effect did not fail`),
    (reason: unknown) => reason,
  );
  check(error instanceof MatrixError, `${what}: expected a MatrixError, found ${String(error)}`);
  check(error.kind === kind, `${what}: expected the kind ${kind}, found ${error.kind} (${error.message})`);
  checkEqual(error.retryAfterMs ?? null, retryAfterMs ?? null, `${what}, retryAfterMs`);
  checkEqual(error.maxDelayMs ?? null, maxDelayMs ?? null, `${what}, maxDelayMs`);
  return error;
}

type Expected = Pick<ConformanceFailure, "kind" | "retryAfterMs" | "maxDelayMs">;

/** Collects what a stream emits, until `end`. */
export function collect<T>(source$: Observable<T>): { readonly values: readonly T[]; end(): void } {
  const values: T[] = [];
  const errors: unknown[] = [];
  const subscription: Subscription = source$.subscribe({
    next: (value) => values.push(value),
    error: (error: unknown) => errors.push(error),
  });
  return {
    get values() {
      check(errors.length === 0, `a stream of the port failed: ${String(errors[0])}`);
      return values;
    },
    end: () => subscription.unsubscribe(),
  };
}

const sortedJson = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
