// StayName: the name of our stay in a mesh. We choose it, so it is known before the homeserver answers. protocol.md 10.5.
import { BehaviorSubject, map, type Observable } from "rxjs";
import type { JoinState } from "../../join/join-state.ts";
import type { OwnMember, Transport } from "../../types.ts";
import { newId } from "../new-id.ts";
import { meshTransport } from "./mesh-transport.ts";
import type { PeerId } from "./peer-id.ts";

export class StayName {
  readonly #renewed$ = new BehaviorSubject<void>(undefined);
  #name = "";
  #status: JoinState["status"] | undefined;

  /** What we publish: each join has another name. */
  readonly transports$: Observable<readonly Transport[]> = this.#renewed$.pipe(
    map(() => [{ ...meshTransport, stay: (this.#name = newId()) }]),
  );

  /** To join again is to begin another stay. */
  follow(status: JoinState["status"] | undefined): void {
    if (status === "rejoining" && this.#status !== status) this.#renewed$.next();
    this.#status = status;
  }

  /** Our present stay as the others will know it. A sticky member has a name of its own: its member id. */
  peerOf({ kind, userId, deviceId, memberId }: OwnMember): PeerId {
    return { userId, deviceId, sessionId: kind === "sticky" ? memberId : this.#name };
  }
}
