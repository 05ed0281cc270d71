// State events of rooms: their contents, then and now. Client-server specification, and its first text of 2014.
import { isFiniteNumber, isObject, isString, own } from "../json.ts";
import { imageInfo, type ImageInfo } from "./media.ts";
import {
  body,
  flag,
  id,
  integer,
  level,
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
  url,
  userId,
} from "./rules.ts";

/** `m.room.name`. An absent or empty name counts as none. */
export interface NameContent {
  readonly name?: string;
}

/** `m.room.topic`: as plain text, and in other representations beside it. */
export interface TopicContent {
  readonly topic?: string;
  readonly "m.topic"?: { readonly "m.text"?: readonly TextPart[] };
}

/** One representation of a text. */
export interface TextPart {
  readonly body: string;
  /** Default `text/plain`. */
  readonly mimetype?: string;
}

/** `m.room.avatar`. */
export interface AvatarContent {
  /** `mxc:` URL. */
  readonly url?: string;
  readonly info?: ImageInfo;
}

/** `m.room.member`, whose state key is the user. */
export interface MemberContent {
  readonly membership: "join" | "invite" | "knock" | "leave" | "ban";
  readonly displayname?: string;
  /** `mxc:` URL. */
  readonly avatar_url?: string;
  /** Why, in the words of the sender. */
  readonly reason?: string;
  readonly is_direct?: boolean;
  readonly join_authorised_via_users_server?: string;
}

/** `m.room.create`. */
export interface CreateContent {
  /** Until room version 10; since then the sender of the event is the creator. */
  readonly creator?: string;
  /** Default "1". */
  readonly room_version?: string;
  /** Since room version 12: others with the power of the creator. */
  readonly additional_creators?: readonly string[];
  /** What sort of room it is, for instance `m.space`. */
  readonly type?: string;
  readonly "m.federate"?: boolean;
  readonly predecessor?: { readonly room_id: string; readonly event_id?: string };
}

/** How users may come into a room. */
export type JoinRule = "public" | "knock" | "invite" | "private" | "restricted" | "knock_restricted";

/** `m.room.join_rules`. */
export interface JoinRulesContent {
  readonly join_rule: JoinRule;
  /** For `restricted` and `knock_restricted`: whose members may join. */
  readonly allow?: readonly { readonly type: string; readonly room_id?: string }[];
}

/** `m.room.power_levels` in the form of today. */
export interface PowerLevels {
  readonly form: "today";
  readonly users?: Readonly<Record<string, number>>;
  readonly users_default?: number;
  readonly events?: Readonly<Record<string, number>>;
  readonly events_default?: number;
  readonly state_default?: number;
  readonly ban?: number;
  readonly kick?: number;
  readonly invite?: number;
  readonly redact?: number;
  readonly notifications?: Readonly<Record<string, number>>;
}

/** `m.room.power_levels` in the first form, `{ "@user:server": level, default: level }`. */
export interface FirstPowerLevels {
  readonly form: "first";
  readonly users: Readonly<Record<string, number>>;
  /** The level of everybody else. */
  readonly default: number;
}

/** `m.room.add_state_level` and `m.room.send_event_level`, beside the first form of power levels. */
export interface LevelContent {
  readonly level: number;
}

/** `m.room.ops_levels`, beside the first form of power levels. */
export interface OpsLevelsContent {
  readonly ban_level?: number;
  readonly kick_level?: number;
  readonly redact_level?: number;
}

/** `m.room.aliases`, whose state key is the server that has them. Advice: look an alias up before it is shown as true. */
export interface AliasesContent {
  readonly aliases: readonly string[];
}

/** `m.room.canonical_alias`. */
export interface CanonicalAliasContent {
  readonly alias?: string;
  readonly alt_aliases?: readonly string[];
}

/** `m.room.encryption`. */
export interface EncryptionContent {
  readonly algorithm: string;
  readonly rotation_period_ms?: number;
  readonly rotation_period_msgs?: number;
}

/** `m.room.history_visibility`. */
export interface HistoryVisibilityContent {
  readonly history_visibility: "invited" | "joined" | "shared" | "world_readable";
}

/** `m.room.tombstone`: the room was replaced by another. */
export interface TombstoneContent {
  readonly body?: string;
  readonly replacement_room: string;
}

export const nameContent: Rule<NameContent> = object<NameContent>({ name: optional(text(longest.id)) });

const textPart: Rule<TextPart> = object<TextPart>({ body: required(body), mimetype: optional(name) });

export const topicContent: Rule<TopicContent> = object<TopicContent>({
  topic: optional(body),
  "m.topic": optional(object<NonNullable<TopicContent["m.topic"]>>({ "m.text": optional(list(textPart)) })),
});

export const avatarContent: Rule<AvatarContent> = object<AvatarContent>({
  url: optional(url),
  info: optional(imageInfo),
});

export const memberContent: Rule<MemberContent> = object<MemberContent>({
  membership: required(oneOf("join", "invite", "knock", "leave", "ban")),
  displayname: optional(name),
  avatar_url: optional(text(longest.url)),
  reason: optional(body),
  is_direct: optional(flag),
  join_authorised_via_users_server: optional(userId),
});

export const createContent: Rule<CreateContent> = object<CreateContent>({
  creator: optional(userId),
  room_version: optional(id),
  additional_creators: optional(list(userId)),
  type: optional(id),
  "m.federate": optional(flag),
  predecessor: optional(
    object<NonNullable<CreateContent["predecessor"]>>({ room_id: required(id), event_id: optional(id) }),
  ),
});

export const joinRulesContent: Rule<JoinRulesContent> = object<JoinRulesContent>({
  join_rule: required(oneOf("public", "knock", "invite", "private", "restricted", "knock_restricted")),
  allow: optional(list(object<{ type: string; room_id?: string }>({ type: required(id), room_id: optional(id) }))),
});

const levels: Rule<Readonly<Record<string, number>>> = record(id, level);

const levelsOfToday: Rule<PowerLevels> = mapped(
  object<Omit<PowerLevels, "form">>({
    users: optional(record(userId, level)),
    users_default: optional(level),
    events: optional(levels),
    events_default: optional(level),
    state_default: optional(level),
    ban: optional(level),
    kick: optional(level),
    invite: optional(level),
    redact: optional(level),
    notifications: optional(levels),
  }),
  (content) => ({ form: "today", ...content }),
);

const firstLevels: Rule<FirstPowerLevels> = mapped(levels, ({ default: byDefault = 0, ...users }) => ({
  form: "first",
  users,
  default: byDefault,
}));

/** Either form. */
export const powerLevelsContent: Rule<PowerLevels | FirstPowerLevels> = (value, notes) =>
  isFirstForm(value) ? firstLevels(value, notes) : levelsOfToday(value, notes);

/** Whether power levels have the first form: levels of users, or `default`, without anything around them. */
export function isFirstForm(content: unknown): boolean {
  if (!isObject(content) || isObject(own(content, "users"))) return false;
  for (const key in content) {
    const value = content[key];
    if ((key.startsWith("@") || key === "default") && (isFiniteNumber(value) || isString(value))) return true;
  }
  return false;
}

export const levelContent: Rule<LevelContent> = object<LevelContent>({ level: required(level) });

export const opsLevelsContent: Rule<OpsLevelsContent> = object<OpsLevelsContent>({
  ban_level: optional(level),
  kick_level: optional(level),
  redact_level: optional(level),
});

export const aliasesContent: Rule<AliasesContent> = object<AliasesContent>({ aliases: required(list(id)) });

export const canonicalAliasContent: Rule<CanonicalAliasContent> = object<CanonicalAliasContent>({
  alias: optional(text(longest.id)),
  alt_aliases: optional(list(id)),
});

export const encryptionContent: Rule<EncryptionContent> = object<EncryptionContent>({
  algorithm: required(id),
  rotation_period_ms: optional(natural),
  rotation_period_msgs: optional(integer),
});

export const historyVisibilityContent: Rule<HistoryVisibilityContent> = object<HistoryVisibilityContent>({
  history_visibility: required(oneOf("invited", "joined", "shared", "world_readable")),
});

export const tombstoneContent: Rule<TombstoneContent> = object<TombstoneContent>({
  body: optional(body),
  replacement_room: required(id),
});
