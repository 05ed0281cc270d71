// What users of the library hold: plain readonly data. protocol.md 1, 2, 5.

/** Data of an application in its slot, for instance `{ type: "m.call", "m.call.intent": "video" }`. */
export interface Application {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Where media goes, for instance `{ type: "livekit", livekit_service_url: "https://…" }`. Other fields are kept. */
export interface Transport {
  readonly type: string;
  readonly livekit_service_url?: string;
  readonly [key: string]: unknown;
}

/** One device of one user in a call: what a membership event says once every rule of protocol.md 3 has accepted it. */
export interface Membership<App extends Application = Application> {
  /** How it travels: as a state event (`legacy`, `compatibility`) or as a sticky event (`matrix_2_0`). */
  readonly kind: "state" | "sticky";
  readonly userId: string;
  readonly deviceId: string;
  /** Unique to each join of a sticky member; for a state member its `membershipID`, or `userId:deviceId`. */
  readonly memberId: string;
  /** Names this stay of the device in the call: another after a re-join, the same after a refresh. To compare, not to read. */
  readonly instance: string;
  readonly slot: string;
  readonly application: App;
  /** What the member means the call to be: `audio`, `video` or something else. */
  readonly intent: string | undefined;
  /** The transports that the member publishes on, best first. `transportOf` says which is in use. */
  readonly transports: readonly Transport[];
  /** Of a state member: whether it publishes on its own transport (`multi_sfu`) or follows the oldest (`oldest_membership`). */
  readonly focusSelection: string | undefined;
  /** When it joined. The list is ordered by this. */
  readonly createdTs: number;
  /** When it lapses unless renewed. */
  readonly expiresTs: number;
  /** The LiveKit identity under which it publishes. protocol.md 6.1. */
  readonly participantIdentity: string;
  readonly eventId: string;
}

/** Whether a slot lets members in. `absent`: no such event, which counts as open unless `strictSlots` is set. */
export interface Slot {
  readonly status: "open" | "closed" | "absent";
  /** The application data of an open slot. */
  readonly application?: Application;
}

/** A media key and where to install it. */
export interface EncryptionKey {
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  /** The LiveKit identity whose media it belongs to. */
  readonly participantIdentity: string;
  /** 0 to 255. */
  readonly keyIndex: number;
  /** 16 or 32 bytes of raw key: a secret. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** True for the key that we encrypt with from now on. */
  readonly own: boolean;
  /** When it was to be installed: of an own key, since when we encrypt with it. */
  readonly sinceTs: number;
}

/** Who we are in a call for the span of one join. */
export interface OwnMember {
  readonly kind: "state" | "sticky";
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  readonly participantIdentity: string;
}

/** Whether the media of a participant can be decrypted, as the media layer sees it. */
export interface Decryption {
  /** The LiveKit identity. */
  readonly participantIdentity: string;
  readonly result: "ok" | "missing-key" | "invalid-key";
  /** The index that its frames name, where that is known. */
  readonly keyIndex?: number | undefined;
}
