// What does not stay: typing, receipts, presence. Client-server specification, and its first text of 2014.
import {
  flag,
  id,
  list,
  mapped,
  name,
  natural,
  object,
  oneOf,
  optional,
  record,
  required,
  type Rule,
  text,
  longest,
  userId,
  body,
} from "./rules.ts";

/** `m.typing`: who is typing in a room. */
export interface TypingContent {
  readonly user_ids: readonly string[];
}

/** A receipt: a user has read a room up to an event. `delivered` is known from `m.room.message.feedback` only. */
export interface Receipt {
  readonly type: "delivered" | "read";
  readonly userId: string;
  readonly eventId: string;
  readonly ts?: number;
  /** The thread; absent for the room as a whole. */
  readonly threadId?: string;
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
  /** Who it is about, in the first events. */
  readonly user_id?: string;
}

export const typingContent: Rule<TypingContent> = object<TypingContent>({ user_ids: required(list(userId, 100)) });

const readers = record(
  userId,
  object<{ ts?: number; thread_id?: string }>({ ts: optional(natural), thread_id: optional(id) }),
);
const ofEvent = object<{ "m.read"?: Readonly<Record<string, { ts?: number; thread_id?: string }>> }>({
  "m.read": optional(readers),
});

export const receiptContent: Rule<ReceiptContent> = mapped(record(id, ofEvent), (content) => ({
  receipts: Object.entries(content).flatMap(([eventId, { "m.read": read = {} }]) =>
    Object.entries(read).map(
      ([user, { ts, thread_id }]): Receipt => ({
        type: "read",
        userId: user,
        eventId,
        ...(ts !== undefined && { ts }),
        ...(thread_id !== undefined && thread_id !== "main" && { threadId: thread_id }),
      }),
    ),
  ),
}));

export const presenceContent: Rule<PresenceContent> = object<PresenceContent>({
  presence: required(oneOf("online", "offline", "unavailable")),
  last_active_ago: optional(natural),
  currently_active: optional(flag),
  status_msg: optional(body),
  displayname: optional(name),
  avatar_url: optional(text(longest.url)),
  user_id: optional(userId),
});
