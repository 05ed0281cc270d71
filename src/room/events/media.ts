// Media in messages: files, encrypted files, and what is said about them. Client-server specification, m.room.message.
import { objectOr } from "../json.ts";
import { body, flag, id, list, name, natural, object, type Optional, record, type Rule, url } from "./rules.ts";

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

const encryptedFile: Rule<EncryptedFile> = object<EncryptedFile>(
  {
    url,
    key: object<FileKey>({ kty: id, alg: id, k: id }, { key_ops: list(id), ext: flag }),
    iv: id,
    hashes: record(id, id),
    v: id,
  },
  {},
);

const picture = { mimetype: name, size: natural, w: natural, h: natural };

/** What is said about a file of any kind. */
export const mediaInfo: Rule<VideoInfo> = object<VideoInfo>(
  {},
  {
    ...picture,
    duration: natural,
    thumbnail_url: url,
    thumbnail_file: encryptedFile,
    // Misspelt once in the first text.
    thumbnail_info: [object<ThumbnailInfo>({}, picture), "thumbnail_info", "thumbanil_info"],
  },
);

/** The fields of a message with a file. */
export interface MediaFields extends Attachment {
  readonly info?: VideoInfo;
}

export const mediaFields: Optional<MediaFields> = { url, file: encryptedFile, filename: body, info: mediaInfo };

/** In the first text a thumbnail is beside `info`: puts it where it is today. */
export function withInnerThumbnail(content: unknown): unknown {
  const { thumbnail_url, thumbnail_info, info } = objectOr(content);
  if (thumbnail_url === undefined && thumbnail_info === undefined) return content;
  return { ...objectOr(content), info: { thumbnail_url, thumbnail_info, ...objectOr(info) } };
}
