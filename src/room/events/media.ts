// Media in messages: files, encrypted files, and what is said about them. Client-server specification, m.room.message.
import {
  flag,
  id,
  list,
  longest,
  mapped,
  name,
  natural,
  object,
  optional,
  record,
  required,
  type Rule,
  text,
  url,
} from "./rules.ts";

/** About a file. */
export interface FileInfo {
  readonly mimetype?: string;
  /** In bytes. */
  readonly size?: number;
  /** `mxc:` URL of a small picture of it. */
  readonly thumbnail_url?: string;
  readonly thumbnail_file?: EncryptedFile;
  readonly thumbnail_info?: ThumbnailInfo;
}

/** About a picture. */
export interface ImageInfo extends FileInfo {
  /** In pixels. */
  readonly w?: number;
  readonly h?: number;
}

/** About a sound. */
export interface AudioInfo {
  readonly mimetype?: string;
  readonly size?: number;
  /** In milliseconds. */
  readonly duration?: number;
}

/** About a moving picture. */
export interface VideoInfo extends ImageInfo {
  readonly duration?: number;
}

/** About a small picture. */
export interface ThumbnailInfo {
  readonly mimetype?: string;
  readonly size?: number;
  readonly w?: number;
  readonly h?: number;
}

/** A file that was encrypted before it was uploaded. `key` and `iv` are secrets. */
export interface EncryptedFile {
  readonly url: string;
  readonly key: FileKey;
  readonly iv: string;
  readonly hashes: Readonly<Record<string, string>>;
  readonly v: string;
}

/** A JSON web key, AES-CTR. */
export interface FileKey {
  readonly kty: string;
  readonly alg: string;
  readonly k: string;
  readonly key_ops?: readonly string[];
  readonly ext?: boolean;
}

/** Where a file of a message is: in the clear (`url`) or encrypted (`file`). */
export interface Attachment {
  readonly url?: string;
  readonly file?: EncryptedFile;
  /** The name of the file. Where there is one, `body` is a caption. */
  readonly filename?: string;
}

const encryptedFile: Rule<EncryptedFile> = object<EncryptedFile>({
  url: required(url),
  key: required(
    object<FileKey>({
      kty: required(id),
      alg: required(id),
      k: required(id),
      key_ops: optional(list(id)),
      ext: optional(flag),
    }),
  ),
  iv: required(id),
  hashes: required(record(id, id)),
  v: required(id),
});

const mimetype = optional(name);
const number = optional(natural);

const thumbnailInfo: Rule<ThumbnailInfo> = object<ThumbnailInfo>({
  mimetype,
  size: number,
  w: number,
  h: number,
});

/** The first text writes `thumbanil_info` once. */
const thumbnail = {
  thumbnail_url: optional(url),
  thumbnail_file: optional(encryptedFile),
  thumbnail_info: optional(thumbnailInfo, "thumbanil_info"),
};

export const fileInfo: Rule<FileInfo> = object<FileInfo>({ mimetype, size: number, ...thumbnail });

export const imageInfo: Rule<ImageInfo> = object<ImageInfo>({
  mimetype,
  size: number,
  w: number,
  h: number,
  ...thumbnail,
});

export const audioInfo: Rule<AudioInfo> = object<AudioInfo>({ mimetype, size: number, duration: number });

export const videoInfo: Rule<VideoInfo> = object<VideoInfo>({
  mimetype,
  size: number,
  w: number,
  h: number,
  duration: number,
  ...thumbnail,
});

export const attachment = {
  url: optional(url),
  file: optional(encryptedFile),
  filename: optional(text(longest.text)),
};

/** In the first text the thumbnail is beside `info`; it is put where it is today. */
export const outerThumbnail = { thumbnail_url: thumbnail.thumbnail_url, thumbnail_info: thumbnail.thumbnail_info };

/** A thumbnail beside `info`. */
export interface OuterThumbnail {
  readonly thumbnail_url?: string;
  readonly thumbnail_info?: ThumbnailInfo;
}

/** Moves the outer thumbnail of a content into its `info`. */
export const withInnerThumbnail = <T extends { readonly info?: FileInfo }>(rule: Rule<T & OuterThumbnail>): Rule<T> =>
  mapped(rule, ({ thumbnail_url, thumbnail_info, ...content }) => {
    if (thumbnail_url === undefined && thumbnail_info === undefined) return content as unknown as T;
    const outer = { ...(thumbnail_url !== undefined && { thumbnail_url }), ...(thumbnail_info && { thumbnail_info }) };
    return { ...content, info: { ...outer, ...content.info } } as unknown as T;
  });
