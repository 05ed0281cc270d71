// In flight: requests that were sent. We wait for their answers, and then listen for late ones. protocol.md 4.6.
import type { Draft } from "./draft.ts";
import type { ArmedLeave, Requests } from "./model.ts";
import type { InFlight, Request, RequestKind } from "./requests.ts";

/** Whether a request of this kind is waited for. */
export const isUnderWay = ({ inFlight }: Pick<Requests, "inFlight">, kind: RequestKind): boolean =>
  inFlight.some(({ request }) => request.kind === kind);

/** Whether a request of this kind may still be taken by the server, although we may not wait for it any more. */
export const isUnanswered = ({ inFlight, timedOut }: Requests, kind: RequestKind): boolean =>
  isUnderWay({ inFlight }, kind) || isUnderWay({ inFlight: timedOut }, kind);

/** We need not wait for these requests any more. Their answers still count. */
export function stopWaiting({ requests }: Draft, isMeant: (request: Request) => boolean): void {
  const stopped = requests.inFlight.filter(({ request }) => isMeant(request));
  requests.inFlight = requests.inFlight.filter(({ request }) => !isMeant(request));
  requests.timedOut = [...requests.timedOut, ...stopped];
}

/**
 * A restart that gets no answer is repeated soon, and a browser opens six connections to a server for all requests. So we
 * listen for two late answers alone, of restarts that are as far apart as usual. The others would say the same. The network may
 * have lost both, so the second one makes room for a newer one after two thirds of the delay.
 */
export function limitListening(draft: Draft, { delayId, delayMs }: ArmedLeave): void {
  const { requests, settings, now } = draft;
  const [first, ...later] = requests.timedOut.filter(
    ({ request }) => request.kind === "restart" && request.delayId === delayId,
  );
  const { delayedLeaveRestartMs } = settings.timing;
  const second = later.find(
    ({ sentTs }) => sentTs >= first!.sentTs + delayedLeaveRestartMs && sentTs + (delayMs * 2) / 3 > now,
  );
  stopListening(draft, (inFlight) => inFlight !== second && later.includes(inFlight));
}

/** Answers to these requests have nothing to add. */
export function stopListening(draft: Draft, isMeant: (inFlight: InFlight) => boolean): void {
  const { requests } = draft;
  for (const inFlight of requests.timedOut)
    if (isMeant(inFlight)) draft.effects.push({ kind: "abort", id: inFlight.id });
  requests.timedOut = requests.timedOut.filter((inFlight) => !isMeant(inFlight));
}

/** A newer request of this kind was answered. */
export const stopListeningToEarlier = (draft: Draft, kind: RequestKind, beforeTs: number): void =>
  stopListening(draft, ({ request, sentTs }) => request.kind === kind && sentTs < beforeTs);
