// ParticipantMedia: the media of one peer of the mesh, as Behaviors.
import { Subject } from "rxjs";
import type { MediaConnection, MediaEncryption, MediaParticipant, MediaProblem } from "../../media/participant.ts";
import { behavior } from "../../rx/behavior.ts";
import { kept } from "../../rx/stable.ts";
import type { PeerConnection } from "../peer-connection.ts";
import { PeerMedia } from "../peer-media.ts";
import type { Pair } from "./pair-model.ts";

export type MediaBehaviors = Omit<MediaParticipant, "member" | "isLocal">;

const endToEnd: MediaEncryption = { status: "end-to-end", by: "transport" };
const pending: MediaEncryption = { status: "pending" };

export class ParticipantMedia {
  readonly behaviors: MediaBehaviors;
  readonly #media = new PeerMedia();
  readonly #changed$ = new Subject<void>();
  #connection: MediaConnection = "waiting";
  #problem: MediaProblem | undefined;

  constructor() {
    const { tracks$, speaking$, quality$ } = this.#media;
    this.behaviors = {
      connection$: behavior(() => this.#connection, this.#changed$),
      tracks$,
      speaking$,
      quality$,
      encryption$: behavior(() => (this.#connection === "connected" ? endToEnd : pending), this.#changed$),
      problem$: behavior(() => this.#problem, this.#changed$),
    };
  }

  get peer(): PeerConnection | undefined {
    return this.#media.peer;
  }

  get connection(): MediaConnection {
    return this.#connection;
  }

  /** The pair has changed, or its peer connection. */
  update({ call, trouble, nextTryTs }: Pair, peer: PeerConnection | undefined): void {
    this.#connection = connectionOf(call);
    this.#problem = problemOf(trouble, nextTryTs, this.#problem);
    this.#media.update(call?.link?.tracks, peer);
    this.#changed$.next();
  }

  show(problem: MediaProblem): void {
    this.#problem = problem;
    this.#changed$.next();
  }

  end(): void {
    this.#media.end();
    this.#changed$.complete();
  }
}

function connectionOf(call: Pair["call"]): MediaConnection {
  if (!call) return "waiting";
  const { connection = "new" } = call.link ?? {};
  return connection === "new" ? "connecting" : connection;
}

function problemOf(
  trouble: Pair["trouble"],
  nextTryTs: number,
  last: MediaProblem | undefined,
): MediaProblem | undefined {
  if (!trouble) return undefined;
  const { code, sinceTs } = trouble;
  return kept<MediaProblem>({ code, sinceTs, ...(nextTryTs < Infinity && { nextTryTs }) }, last);
}
