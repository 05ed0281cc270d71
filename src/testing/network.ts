// Network: carries a request of a device to the server and the response back, and applies faults.
import { Observable } from "rxjs";
import { MatrixError } from "../matrix.ts";
import type { DeviceRecord } from "./device-record.ts";
import type { Fault } from "./faults.ts";
import type { RandomNumbers } from "./random-numbers.ts";

/** A request on its way: what it meets there and back. */
export interface Journey<T> {
  readonly latencyMs: number;
  readonly fault: Fault | undefined;
  readonly random: RandomNumbers;
  /** What the server does when the request reaches it. It may throw a `MatrixError`. */
  readonly act: () => T;
}

/** What the client gets. `undefined`: nothing, ever. */
type Response<T> = { readonly value: T } | { readonly error: unknown } | undefined;

/**
 * Sends a request at each subscription, as soon as the device is awake, and emits the response. Unsubscribing drops only
 * the response.
 *
 * @param depart Called when the request leaves the device. Returns what it meets.
 */
export function overNetwork<T>(device: DeviceRecord, depart: () => Journey<T>): Observable<T> {
  return new Observable((subscriber) => {
    const life = device.lifeOfCaller();
    if (life.status === "dead") return;
    const { agenda, counts } = life;
    const resume = life.resumer();
    counts.requests += 1;
    subscriber.add(() => (counts.requests -= 1));

    const arrive = (response: Response<T>) => {
      if (subscriber.closed) return;
      if (!device.isConnected) subscriber.error(noAnswer());
      else if (response && "error" in response) subscriber.error(response.error);
      else if (response) {
        subscriber.next(response.value);
        subscriber.complete();
      }
    };
    const leave = () => {
      const { latencyMs, fault, random, act } = depart();
      agenda.in(latencyMs + random.durationMs(fault?.requestLateMs), () => {
        const response = device.isConnected ? responseTo(fault, act) : { error: noAnswer() };
        const back = () => device.whenAwake(() => resume(() => arrive(response)));
        agenda.in(latencyMs + random.durationMs(fault?.lateMs), back);
      });
    };
    subscriber.add(device.whenAwake(leave));
  });
}

const noAnswer = (): MatrixError => new MatrixError("network", "the server does not answer");

function responseTo<T>(fault: Fault | undefined, act: () => T): Response<T> {
  const { lose, fail } = fault ?? {};
  const faulty = fail && { error: fail };
  if (lose === "request" || (fail && !lose)) return faulty;
  const outcome = outcomeOf(act);
  return lose ? faulty : outcome;
}

function outcomeOf<T>(act: () => T): Response<T> {
  try {
    return { value: act() };
  } catch (error) {
    return { error };
  }
}
