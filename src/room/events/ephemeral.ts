// Ephemeral events: typing, receipts, presence. Client-server specification, and its first text of 2014.
import { body, flag, id, list, mapped, name, natural, object, oneOf, record, type Rule, url, userId } from "./rules.ts";

/** `m.typing`: the users who are typing in a room. */
export interface TypingContent {
  readonly user_ids: readonly string[];
}

/** A receipt: a user has read a room up to an event. `delivered` is known from `m.room.message.feedback` only. */
export interface Receipt {
  readonly type: "delivered" | "read";
  readonly userId: string;
  readonly eventId: string;
  readonly ts: number | undefined;
  /** The thread; `undefined` for the room as a whole. */
  readonly threadId: string | undefined;
}

/** `m.receipt`, as a list. */
export interface ReceiptContent {
  readonly receipts: readonly Receipt[];
}

/** `m.presence`. */
export interface PresenceContent {
  readonly presence: "online" | "offline" | "unavailable";
  /** How long ago the user was active, in milliseconds. */
  readonly last_active_ago?: number;
  readonly currently_active?: boolean;
  readonly status_msg?: string;
  readonly displayname?: string;
  readonly avatar_url?: string;
}

/** The content of each known type of event that a server does not keep. */
export interface EphemeralContents {
  "m.typing": TypingContent;
  "m.receipt": ReceiptContent;
  "m.presence": PresenceContent;
}

interface Read {
  readonly ts?: number;
  readonly thread_id?: string;
}

type Readers = Readonly<Record<string, Read>>;

const readers: Rule<Readers> = record(userId, object<Read>({}, { ts: natural, thread_id: id }));

/** A user can keep receipts from the others: a client gets the private ones of its own user. */
type ByType = { readonly [T in "m.read" | "m.read.private"]?: Readers };

export const ephemeralRules: { readonly [T in keyof EphemeralContents]: Rule<EphemeralContents[T]> } = {
  "m.typing": object<TypingContent>({ user_ids: list(userId, 100) }, {}),
  "m.receipt": mapped(record(id, object<ByType>({}, { "m.read": readers, "m.read.private": readers })), (content) => ({
    receipts: Object.entries(content).flatMap(([eventId, byType]) =>
      Object.entries({ ...byType["m.read"], ...byType["m.read.private"] }).map(
        ([user, { ts, thread_id: thread }]): Receipt => ({
          type: "read",
          userId: user,
          eventId,
          ts,
          threadId: thread === "main" ? undefined : thread,
        }),
      ),
    ),
  })),
  "m.presence": object<PresenceContent>(
    { presence: oneOf("online", "offline", "unavailable") },
    {
      last_active_ago: natural,
      currently_active: flag,
      status_msg: body,
      displayname: name,
      avatar_url: url,
    },
  ),
};
