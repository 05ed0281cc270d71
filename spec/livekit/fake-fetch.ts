// FakeFetch: a fetch in virtual time, with responses that the spec defines.
import { map, type Observable, of, timer } from "rxjs";
import type { Fetch } from "../../src/livekit/post.ts";

export interface Asked {
  readonly url: string;
  readonly body: unknown;
}

export type Answer = { status: number; body?: unknown; retryAfter?: string } | "unreachable" | "silence";

/** Each request takes `latencyMs`. It returns Observables, because promises do not follow virtual time. */
export function fakeFetch(answerTo: (asked: Asked, count: number) => Answer, latencyMs = 1) {
  const asked: Asked[] = [];
  const fetch = (url: string, { body }: RequestInit): Observable<unknown> => {
    asked.push({ url, body: JSON.parse(body as string) });
    const answer = answerTo(asked.at(-1)!, asked.length);
    if (answer === "silence") return timer(1e9);
    return timer(latencyMs).pipe(
      map(() => {
        if (answer === "unreachable") throw new TypeError("Failed to fetch");
        const { status, body: json = {}, retryAfter } = answer;
        const headers = new Headers(retryAfter === undefined ? {} : { "Retry-After": retryAfter });
        return { status, headers, text: () => of(typeof json === "string" ? json : JSON.stringify(json)) };
      }),
    );
  };
  return { asked, fetch: fetch as unknown as Fetch };
}
