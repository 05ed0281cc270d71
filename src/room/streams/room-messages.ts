// Messages of a room as an app shows them: edits and redactions applied, reactions gathered.
import type { Redaction } from "../events/decode-event.ts";
import type { MessageContent } from "../events/message-contents.ts";
import { sameFields, sameItems } from "./stable.ts";

/** A message. It stays the same object until something of it changes. */
export type RoomMessage = MessageFields &
  (
    | {
        readonly status: "readable";
        /** What it says now: after its last edit, if there was one. */
        readonly content: MessageContent;
        readonly editedTs?: number;
        /** The message that it replies to. */
        readonly replyTo?: string;
        /** A notice: it was sent by a program, and a program never answers it. */
        readonly isAutomated: boolean;
      }
    | ({ readonly status: "redacted" } & Pick<Redaction, "reason"> & { readonly redactedBy?: string })
    /** The client has no key for it, or not yet. */
    | { readonly status: "undecryptable" }
    /** It is not as it must be; `path` is the first wrong field. */
    | { readonly status: "malformed"; readonly path: string }
  );

interface MessageFields {
  readonly eventId: string;
  readonly sender: string;
  /** When it was sent, by the clock of the server of its sender. */
  readonly ts: number;
  /** By number of users, most first; then in the order in which they came. */
  readonly reactions: readonly MessageReaction[];
}

/** An emoji under a message, and the users who put it there. */
export interface MessageReaction {
  readonly key: string;
  readonly senders: readonly string[];
}

export function isSameMessage(a: RoomMessage, b: RoomMessage): boolean {
  const { reactions } = a;
  return isSameReactions(reactions, b.reactions) && sameFields(a, { ...b, reactions });
}

const isSameReactions = (a: readonly MessageReaction[], b: readonly MessageReaction[]): boolean =>
  a.length === b.length && a.every(({ key, senders }, at) => key === b[at]?.key && sameItems(senders, b[at].senders));
