// Own state key: where our state membership stands in the room of a call, and whether it can. protocol.md 1.4.
import { RtcError } from "../errors.ts";
import { hasOwnedStateKeys } from "../room/create.ts";
import type { SessionContext } from "../session-context.ts";
import type { OwnMember } from "../types.ts";
import { ownStateKey } from "./content.ts";
import type { JoinTrace } from "./trace.ts";

/** The key of our state membership in the room of this call. */
export const stateKeyIn = ({ matrix, roomId, slot }: SessionContext<JoinTrace>, own: OwnMember): string =>
  ownStateKey(own, slot, hasOwnedStateKeys(matrix, roomId));

/** The most bytes that Matrix allows in a state key. */
const maxStateKeyBytes = 255;

/** @throws RtcError `bad-argument` if no server or no member would accept our state membership. */
export function assertStateMember(call: SessionContext<JoinTrace>, own: OwnMember): void {
  const bytes = new TextEncoder().encode(stateKeyIn(call, own)).length;
  if (bytes > maxStateKeyBytes)
    throw refusal(
      `the state key of user, device and slot has ${bytes} bytes of ${maxStateKeyBytes}: use a shorter slot`,
    );
  // Two devices could have one LiveKit identity (6.1), so readers ignore such a member.
  if (own.deviceId === "" || own.deviceId.includes(":")) throw refusal("the device id is empty or has a colon in it");
}

const refusal = (problem: string): RtcError => new RtcError("bad-argument", `${problem}, or use the mode matrix_2_0`);
