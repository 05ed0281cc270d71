// Messages of a room as an app shows them: edits and redactions applied, reactions gathered.
import type { Redaction } from "../events/decode-event.ts";
import type { MessageContent } from "../events/message-contents.ts";

/** A message. It stays the same object until something of it changes. */
export type RoomMessage = MessageFields &
  (
    | {
        readonly status: "readable";
        /** The content after the last edit. */
        readonly content: MessageContent;
        /** When it was edited last. */
        readonly editedTs: number | undefined;
        /** The message that it replies to. */
        readonly replyTo: string | undefined;
        /** The first message of the thread that it is in. */
        readonly threadId: string | undefined;
        /** A notice: it was sent by a program, and a program never answers it. */
        readonly isAutomated: boolean;
      }
    | { readonly status: "redacted"; readonly redaction: Redaction }
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
  /** In the order in which they came first. */
  readonly reactions: readonly MessageReaction[];
}

/** An emoji under a message, and the users who put it there. */
export interface MessageReaction {
  readonly key: string;
  readonly senders: readonly string[];
}
