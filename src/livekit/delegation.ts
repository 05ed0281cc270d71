// Delegation: the delayed leave, looked after by the authorisation service, which sees us on the SFU. protocol.md 6.4.
import { ignoreElements, type Observable } from "rxjs";
import type { DelegatedLeave } from "../join/options.ts";
import type { LivekitBackend } from "./backend.ts";
import { retrying } from "./retrying.ts";
import { askService, mapErrors, type ServiceOptions, type ServiceRequest } from "./service.ts";

/**
 * Makes the `delegate` of `join`: the service restarts the delayed leave while we are on the SFU, and sends it once we
 * are not, so that a page whose timers sleep stays in the call. Completes when the service has taken it.
 *
 * A sticky member's goes to `/delegate_delayed_leave`; a state member's goes along with a token request to `/sfu/get`,
 * whose token is not used. A service that cannot do it, or may not, refuses; the join then keeps its own delayed leave.
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
  backend: Pick<LivekitBackend, "openIdToken">,
  where: Omit<ServiceRequest, "member">,
  options: ServiceOptions = {},
): (leave: DelegatedLeave) => Observable<never> {
  return ({ member, delayId, delayMs }) => {
    const path = member.kind === "state" ? "/sfu/get" : "/delegate_delayed_leave";
    const leave = { delay_id: delayId, delay_timeout: delayMs };
    return askService(backend, { ...where, member }, path, options, leave).pipe(
      retrying(),
      mapErrors("the delayed leave was not taken"),
      ignoreElements(),
    );
  };
}
