// m.room.message: every msgtype, then and now. Client-server specification, instant messaging.
import { own } from "../json.ts";
import {
  type Attachment,
  attachment,
  type AudioInfo,
  audioInfo,
  type FileInfo,
  fileInfo,
  type ImageInfo,
  imageInfo,
  outerThumbnail,
  type OuterThumbnail,
  type VideoInfo,
  videoInfo,
  withInnerThumbnail,
} from "./media.ts";
import { type Relation, relation } from "./relations.ts";
import { body, flag, id, list, type Notes, object, type Rule, url, userId, within } from "./rules.ts";

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

/** Optional fields of all messages. */
const common = {
  "m.relates_to": relation,
  "m.mentions": object<Mentions>({}, { user_ids: list(userId), room: flag }),
};

/** At first, media needed no body. */
const caption = { body: (value: unknown, notes: Notes) => body(value ?? "", notes) };

type Body<M extends MessageContent> = Omit<M, "kind" | "msgtype">;

const textBody = object<Body<TextMessage>>({ body }, { ...common, format: id, formatted_body: body });

/** A message with a file: where the file is must be known. */
const located =
  <M extends { readonly url?: string; readonly file?: unknown }>(rule: Rule<M>): Rule<M> =>
  (value, notes) => {
    const read = rule(value, notes);
    return read && (read.url ?? read.file) === undefined ? within<M>(url as never, undefined, "url", notes) : read;
  };

const media = { ...common, ...attachment };

const bodies: Readonly<Record<string, Rule<object>>> = {
  "m.text": textBody,
  "m.emote": textBody,
  "m.notice": textBody,
  "m.image": located(
    withInnerThumbnail<Body<ImageMessage>>(
      object<Body<ImageMessage> & OuterThumbnail>(caption, { ...media, ...outerThumbnail, info: imageInfo }),
    ),
  ),
  "m.audio": located(object<Body<AudioMessage>>(caption, { ...media, info: audioInfo })),
  "m.video": located(object<Body<VideoMessage>>(caption, { ...media, info: videoInfo })),
  "m.file": located(
    withInnerThumbnail<Body<FileMessage>>(
      object<Body<FileMessage> & OuterThumbnail>(caption, { ...media, ...outerThumbnail, info: fileInfo }),
    ),
  ),
  "m.location": withInnerThumbnail<Body<LocationMessage>>(
    object<Body<LocationMessage> & OuterThumbnail>(
      { ...caption, geo_uri: url },
      { ...common, ...outerThumbnail, info: fileInfo },
    ),
  ),
};

const otherBody = object<Body<OtherMessage>>({ body }, common);

/** Misspelt once in the first text. */
const msgtype = object<{ msgtype: string }>({ msgtype: [id, "msgtype", "msgype"] }, {});

const message: Rule<MessageContent> = (value, notes) => {
  const type = msgtype(value, notes)?.msgtype;
  if (type === undefined) return undefined;
  const rule = own(bodies, type) as Rule<object> | undefined;
  const read = (rule ?? otherBody)(value, notes);
  return read && ({ kind: rule ? type.slice(2) : "other", msgtype: type, ...read } as MessageContent);
};

const edit = object<{ "m.new_content": MessageContent }>({ "m.new_content": message }, {});

export const messageContent: Rule<MessageEventContent> = (value, notes) => {
  const read = message(value, notes);
  if (read?.["m.relates_to"]?.rel_type !== "m.replace") return read;
  const replacement = edit(value, notes);
  return replacement && { ...read, ...replacement };
};
