// m.room.message: every msgtype, then and now. Client-server specification, instant messaging.
import {
  type Attachment,
  type AudioInfo,
  type FileInfo,
  type ImageInfo,
  type MediaFields,
  mediaFields,
  type VideoInfo,
  withInnerThumbnail,
} from "./media.ts";
import { type Relation, relation } from "./relations.ts";
import { body, flag, id, list, object, type Rule, url, userId, wrongAt } from "./rules.ts";

/** Fields that all messages have. */
export interface MessageCommon {
  readonly body: string;
  readonly "m.relates_to"?: Relation;
  readonly "m.mentions"?: Mentions;
}

/** Whom a message is meant to notify. */
export interface Mentions {
  readonly user_ids?: readonly string[];
  /** Everybody in the room. */
  readonly room?: boolean;
}

/** Text. `formatted_body` is HTML of a stranger: sanitise it before it is shown. */
export interface TextMessage extends MessageCommon {
  readonly kind: "text" | "emote" | "notice";
  readonly msgtype: "m.text" | "m.emote" | "m.notice";
  /** `org.matrix.custom.html`. */
  readonly format?: string;
  readonly formatted_body?: string;
}

/** An image. Client-server specification, `m.image`. */
export interface ImageMessage extends MessageCommon, Attachment {
  readonly kind: "image";
  readonly msgtype: "m.image";
  readonly info?: ImageInfo;
}

/** A sound. Client-server specification, `m.audio`. */
export interface AudioMessage extends MessageCommon, Attachment {
  readonly kind: "audio";
  readonly msgtype: "m.audio";
  readonly info?: AudioInfo;
}

/** A video. Client-server specification, `m.video`. */
export interface VideoMessage extends MessageCommon, Attachment {
  readonly kind: "video";
  readonly msgtype: "m.video";
  readonly info?: VideoInfo;
}

/** Any file. Client-server specification, `m.file`. */
export interface FileMessage extends MessageCommon, Attachment {
  readonly kind: "file";
  readonly msgtype: "m.file";
  readonly info?: FileInfo;
}

/** A place. Client-server specification, `m.location`. */
export interface LocationMessage extends MessageCommon {
  readonly kind: "location";
  readonly msgtype: "m.location";
  /** For instance `geo:51.5008,0.1247`. */
  readonly geo_uri: string;
  readonly info?: FileInfo;
}

/** Any other msgtype: its `body` says in words what it is. */
export interface OtherMessage extends MessageCommon {
  readonly kind: "other";
  readonly msgtype: string;
}

/** The content of a message; `kind` says of which sort. */
export type MessageContent =
  | TextMessage
  | ImageMessage
  | AudioMessage
  | VideoMessage
  | FileMessage
  | LocationMessage
  | OtherMessage;

/** The content of a message event: a message, or an edit, whose `m.new_content` replaces that of an earlier message. */
export type MessageEventContent = MessageContent & { readonly "m.new_content"?: MessageContent };

interface Fields extends Partial<MessageCommon>, MediaFields {
  readonly msgtype: string;
  readonly format?: string;
  readonly formatted_body?: string;
  readonly geo_uri?: string;
}

/** The fields of all messages. Each msgtype has some of them. */
const fields = object<Fields>(
  // Misspelt once in the first text.
  { msgtype: [id, "msgtype", "msgype"] },
  {
    body,
    "m.relates_to": relation,
    "m.mentions": object<Mentions>({}, { user_ids: list(userId), room: flag }),
    format: id,
    formatted_body: body,
    geo_uri: url,
    ...mediaFields,
  },
);

const words = ["body"] as const;
const place = ["url", "file"] as const;

/** The fields of which a message of each msgtype has one. At first, media needed no body. */
const needed: Readonly<Record<string, readonly [keyof Fields, ...(keyof Fields)[]]>> = {
  "m.text": words,
  "m.emote": words,
  "m.notice": words,
  "m.image": place,
  "m.audio": place,
  "m.video": place,
  "m.file": place,
  "m.location": ["geo_uri"],
};

const message: Rule<MessageContent> = (value, notes) => {
  const read = fields(withInnerThumbnail(value), notes);
  if (!read) return undefined;
  const { msgtype } = read;
  const isKnown = Object.hasOwn(needed, msgtype);
  const keys = isKnown ? needed[msgtype]! : words;
  if (keys.every((key) => read[key] === undefined)) return wrongAt(keys[0], notes);
  return { kind: isKnown ? msgtype.slice(2) : "other", body: "", ...read } as MessageContent;
};

const edit = object<{ "m.new_content": MessageContent }>({ "m.new_content": message }, {});

export const messageContent: Rule<MessageEventContent> = (value, notes) => {
  const read = message(value, notes);
  if (read?.["m.relates_to"]?.rel_type !== "m.replace") return read;
  const replacement = edit(value, notes);
  return replacement && { ...read, ...replacement };
};
