// State events of rooms: their contents, then and now, each with its rule. Client-server specification, and its first text of 2014.
import { objectOr } from "../json.ts";
import { type ImageInfo, mediaInfo } from "./media.ts";
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
  type Optional,
  record,
  type Rule,
  text,
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
  /** For a join by a `restricted` rule: the user whose server let this user in. */
  readonly join_authorised_via_users_server?: string;
  /** The user was invited by an address. This name is shown instead of the address. */
  readonly third_party_invite?: { readonly display_name: string };
}

/** `m.room.create`. */
export interface CreateContent {
  /** Until room version 10; since then the sender of the event is the creator. */
  readonly creator?: string;
  /** Default "1". */
  readonly room_version?: string;
  /** Since room version 12: others with the power of the creator. */
  readonly additional_creators?: readonly string[];
  /** The sort of room, for instance `m.space`. */
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

/** The content of each known type of state event. */
export interface StateContents {
  "m.room.name": NameContent;
  "m.room.topic": TopicContent;
  "m.room.avatar": AvatarContent;
  "m.room.member": MemberContent;
  "m.room.create": CreateContent;
  "m.room.join_rules": JoinRulesContent;
  "m.room.power_levels": PowerLevels | FirstPowerLevels;
  "m.room.add_state_level": LevelContent;
  "m.room.send_event_level": LevelContent;
  "m.room.ops_levels": OpsLevelsContent;
  "m.room.aliases": AliasesContent;
  "m.room.canonical_alias": CanonicalAliasContent;
  "m.room.encryption": EncryptionContent;
  "m.room.history_visibility": HistoryVisibilityContent;
  "m.room.tombstone": TombstoneContent;
}

const levels: Rule<Readonly<Record<string, number>>> = record(id, level);

const fieldsOfToday: Optional<Omit<PowerLevels, "form">> = {
  users: record(userId, level),
  users_default: level,
  events: levels,
  events_default: level,
  state_default: level,
  ban: level,
  kick: level,
  invite: level,
  redact: level,
  notifications: levels,
};

const levelsOfToday: Rule<PowerLevels> = mapped(object<Omit<PowerLevels, "form">>({}, fieldsOfToday), (content) => ({
  form: "today",
  ...content,
}));

const firstLevels: Rule<FirstPowerLevels> = mapped(levels, ({ default: byDefault = 0, ...users }) => ({
  form: "first",
  users,
  default: byDefault,
}));

/** Whether power levels have the first form: levels of users, or `default`. With any field of today, servers read it as today's. */
function isFirstForm(content: unknown): boolean {
  const keys = Object.keys(objectOr(content));
  return (
    keys.some((key) => key.startsWith("@") || key === "default") &&
    !keys.some((key) => Object.hasOwn(fieldsOfToday, key))
  );
}

const levelContent = object<LevelContent>({ level }, {});

export const stateRules: { readonly [T in keyof StateContents]: Rule<StateContents[T]> } = {
  "m.room.name": object<NameContent>({}, { name }),
  "m.room.topic": object<TopicContent>(
    {},
    {
      topic: body,
      "m.topic": object<NonNullable<TopicContent["m.topic"]>>(
        {},
        { "m.text": list(object<TextPart>({ body }, { mimetype: name })) },
      ),
    },
  ),
  "m.room.avatar": object<AvatarContent>({}, { url, info: mediaInfo }),
  "m.room.member": object<MemberContent>(
    { membership: oneOf("join", "invite", "knock", "leave", "ban") },
    {
      displayname: name,
      avatar_url: url,
      reason: body,
      is_direct: flag,
      join_authorised_via_users_server: userId,
      third_party_invite: object<{ display_name: string }>({ display_name: name }, {}),
    },
  ),
  "m.room.create": object<CreateContent>(
    {},
    {
      creator: userId,
      room_version: id,
      additional_creators: list(userId),
      type: id,
      "m.federate": flag,
      predecessor: object<NonNullable<CreateContent["predecessor"]>>({ room_id: id }, { event_id: id }),
    },
  ),
  "m.room.join_rules": object<JoinRulesContent>(
    { join_rule: oneOf("public", "knock", "invite", "private", "restricted", "knock_restricted") },
    { allow: list(object<{ type: string; room_id?: string }>({ type: id }, { room_id: id })) },
  ),
  "m.room.power_levels": (value, notes) => (isFirstForm(value) ? firstLevels : levelsOfToday)(value, notes),
  "m.room.add_state_level": levelContent,
  "m.room.send_event_level": levelContent,
  "m.room.ops_levels": object<OpsLevelsContent>({}, { ban_level: level, kick_level: level, redact_level: level }),
  "m.room.aliases": object<AliasesContent>({ aliases: list(id) }, {}),
  "m.room.canonical_alias": object<CanonicalAliasContent>({}, { alias: name, alt_aliases: list(id) }),
  "m.room.encryption": object<EncryptionContent>(
    { algorithm: id },
    { rotation_period_ms: natural, rotation_period_msgs: integer },
  ),
  "m.room.history_visibility": object<HistoryVisibilityContent>(
    { history_visibility: oneOf("invited", "joined", "shared", "world_readable") },
    {},
  ),
  "m.room.tombstone": object<TombstoneContent>({ replacement_room: id }, { body }),
};

/** The rule for the state key of a type. */
export const stateKeyRule = (type: string): Rule<string> =>
  type === "m.room.member" ? userId : type === "m.room.aliases" ? id : text(0);
