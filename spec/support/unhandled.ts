// Unhandled: the errors that nobody handled, as RxJS reports them, a moment later.
import { config, firstValueFrom, timer } from "rxjs";

/** Runs a part of a spec, and gives the errors that came of it and that nobody handled. */
export async function unhandledIn(act: () => void): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  config.onUnhandledError = (error: unknown) => errors.push(error);
  act();
  await firstValueFrom(timer(1));
  config.onUnhandledError = null;
  return errors;
}
