// Delegation: lets the authorisation service restart and send our delayed leave. protocol.md 6.4.
import { ignoreElements, type Observable } from "rxjs";
import type { DelegatedLeave } from "../join/options.ts";
import type { LivekitBackend } from "./backend.ts";
import { retrying } from "./retrying.ts";
import { askService, mapErrors, type ServiceOptions, type ServiceRequest } from "./service.ts";

/**
 * Makes the `delegate` option of `join`. The service restarts the delayed leave while we are connected to the SFU, and
 * sends it when we are not, so that a page whose timers are suspended stays in the call.
 *
 * The Observable completes when the service has accepted the delayed leave. The leave of a sticky member goes to
 * `/delegate_delayed_leave`. The leave of a state member goes with a token request to `/sfu/get`, whose token is not
 * used. If the service rejects it, the stream fails with `no-transport`; after five failed attempts with
 * `request-failed`. The join then keeps its own delayed leave. protocol.md 6.4.
 *
 * @example
 * ```ts
 * import { NEVER } from "rxjs";
 * import { delegateToSfu } from "matrixrtc-rx/livekit";
 *
 * const backend = { openIdToken: () => NEVER, rtcTransports: () => NEVER, wellKnown: () => NEVER };
 * const transport = { type: "livekit", livekit_service_url: "https://rtc.example.org/jwt" };
 * const delegate = delegateToSfu(backend, { transport, roomId: "!kitchen:example.org", slot: "m.call#ROOM" });
 * console.assert(typeof delegate === "function"); // then: session.join({ delegate })
 * ```
 */
export function delegateToSfu(
  backend: Pick<LivekitBackend, "openIdToken" | "changes$">,
  where: Omit<ServiceRequest, "member">,
  options: ServiceOptions = {},
): (leave: DelegatedLeave) => Observable<never> {
  return ({ member, delayId, delayMs }) => {
    const path = member.kind === "state" ? "/sfu/get" : "/delegate_delayed_leave";
    const leave = { delay_id: delayId, delay_timeout: delayMs };
    return askService(backend, { ...where, member }, path, options, leave).pipe(
      retrying(backend),
      mapErrors("the service did not accept the delayed leave"),
      ignoreElements(),
    );
  };
}
