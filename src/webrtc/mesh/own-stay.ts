// OwnStay: our member in the call, and the stay in which the room shows us. protocol.md 4.3, 10.5.
import type { Observable } from "rxjs";
import type { JoinState } from "../../join/join-state.ts";
import { whileInCall } from "../../media/media-inputs.ts";
import { sameJson } from "../../rx/stable.ts";
import type { OwnMember } from "../../types.ts";

export interface OwnStay {
  readonly member: OwnMember;
  /** Our stay as the room shows it. Another entry of ours is one that an earlier page or an earlier join has left behind. */
  readonly instance: string | undefined;
  /** Our membership has been sent: the others will see it. */
  readonly isSent: boolean;
  readonly status: JoinState["status"];
}

/** Our stay. Undefined once we begin to leave. Never fails. */
export const ownStayOf = (join: Observable<JoinState>): Observable<OwnStay | undefined> =>
  whileInCall(
    join,
    (state): OwnStay => ({
      member: state.member,
      instance: state.status === "joined" ? state.membership?.instance : undefined,
      isSent: state.status === "joined" || state.step === "sending-membership",
      status: state.status,
    }),
    sameJson,
  );
