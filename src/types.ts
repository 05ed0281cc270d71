// Types: the plain readonly data that users hold. Times (`…Ts`) are in milliseconds since 1970. protocol.md 1, 2, 5.

/**
 * Which names are written: those that clients use today (`deployed`), or those of the newest proposals (`stable`). Both are
 * read. protocol.md 1.1.
 */
export type Generation = "deployed" | "stable";

/**
 * The data of an application, in a slot or in a membership: its type and any other fields, unchecked. For instance
 * `{ type: "m.call", "m.call.intent": "video" }`.
 */
export interface Application {
  /** The application type: the part of the slot id before `#`. */
  readonly type: string;
  readonly [key: string]: unknown;
}

/**
 * Where a member sends its media, for instance `{ type: "livekit", livekit_service_url: "https://…" }`. Fields that this
 * library does not know are kept, unchecked.
 */
export interface Transport {
  /** The kind of transport, for instance `livekit`. */
  readonly type: string;
  /** The URL of the LiveKit authorisation service. The member chose it: check it before you send a request there. */
  readonly livekit_service_url?: string;
  /** Of the type `m.livekit`: the WebSocket address of the SFU. The member chose it, too. */
  readonly url?: string;
  readonly [key: string]: unknown;
}

/**
 * A member of a call: one device of one user. It is what the membership event of that device says, once it has passed the
 * rules of protocol.md 3.
 *
 * @typeParam App The data of the application, as the `application` option of the session returns it.
 */
export interface Membership<App extends Application = Application> {
  /** How the membership travels: as a state event (`legacy`, `compatibility`) or as a sticky event (`matrix_2_0`). */
  readonly kind: "state" | "sticky";
  /** The Matrix user id, for instance `@alice:example.org`. */
  readonly userId: string;
  /** The Matrix device id. Only the keys of the device prove that it belongs to the user. */
  readonly deviceId: string;
  /** For a sticky member, a new id for each join. For a state member, its `membershipID` or `userId:deviceId`. */
  readonly memberId: string;
  /** Identifies one stay of the device in the call: the same after a refresh, another after a new join. Compare it; do not parse it. */
  readonly instance: string;
  /** The slot id as its event has it: `m.call#ROOM` and `m.call#room` are the same call. */
  readonly slot: string;
  /** The data of the application. */
  readonly application: App;
  /** What the member wants the call to be: `audio`, `video` or something else. Undefined if it does not say. */
  readonly intent: string | undefined;
  /** The transports of the member, best first. `transportOf` returns the one that it publishes on. */
  readonly transports: readonly Transport[];
  /**
   * For a state member: whether it publishes on its own transport (`multi_sfu`) or on that of the oldest member
   * (`oldest_membership`). Undefined for a sticky member.
   */
  readonly focusSelection: string | undefined;
  /**
   * By the clock of the server of the member. The list of members is sorted by it. For a state member: when the device
   * joined. For a sticky member: the time of its newest event, which changes at each refresh. To show since when a member is
   * in the call, remember when you first saw its `instance`.
   */
  readonly createdTs: number;
  /** When the membership ends unless it is renewed, by the clock of its server. For a sticky member: by our own clock. */
  readonly expiresTs: number;
  /** The LiveKit identity under which the member publishes. protocol.md 6.1. */
  readonly participantIdentity: string;
  /** The event id of the membership event, which is another one after each refresh. */
  readonly eventId: string;
}

/** The slot of a call: whether it lets sticky members in. */
export interface Slot {
  /** `absent`: the room has no slot event. That counts as open, unless the option `strictSlots` is set. */
  readonly status: "open" | "closed" | "absent";
  /** The data of the application, if the slot is open. */
  readonly application?: Application;
}

/**
 * A media key, and the participant whose media it decrypts. A later key with the same index replaces it: another key, or the next
 * step of a ratchet (protocol.md 5.9).
 */
export interface EncryptionKey {
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  /** The LiveKit identity of the participant. */
  readonly participantIdentity: string;
  /** The key index, 0 to 255. */
  readonly keyIndex: number;
  /** The raw key, 16 or 32 bytes. It is a secret. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Whether it is our own key, to encrypt with from now on. */
  readonly own: boolean;
  /** When the key became usable, by our own clock. For our own key: when we started to encrypt with it. */
  readonly sinceTs: number;
}

/** Our own member, for the duration of one join. */
export interface OwnMember {
  /** How our membership travels: as a state event or as a sticky event. */
  readonly kind: "state" | "sticky";
  readonly userId: string;
  readonly deviceId: string;
  /** As in `Membership`. */
  readonly memberId: string;
  /** The LiveKit identity under which we publish. */
  readonly participantIdentity: string;
}

/** A report of the media layer: whether it can decrypt the media of a participant. */
export interface DecryptionReport {
  /** The LiveKit identity of the participant. */
  readonly participantIdentity: string;
  /** `missing-key`: it has no key. `invalid-key`: its key does not fit the media. */
  readonly result: "ok" | "missing-key" | "invalid-key";
  /** The key index of the media, 0 to 255, if it is known. */
  readonly keyIndex?: number | undefined;
}
