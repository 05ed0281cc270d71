// Unhandled: the errors that RxJS reports as unhandled, which it does asynchronously.
import { config, firstValueFrom, timer } from "rxjs";

/** Runs a part of a spec. Returns the unhandled errors that it caused. */
export async function unhandledIn(act: () => void): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  config.onUnhandledError = (error: unknown) => errors.push(error);
  act();
  await firstValueFrom(timer(1));
  config.onUnhandledError = null;
  return errors;
}
