// Report: the settings of a member in a process of its own, its commands, and its reports.
import type { CallProblem } from "matrixrtc-rx/livekit-node";

/** Who a member is, and how it joins. */
export interface MemberSettings {
  readonly homeserver: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
  readonly roomId: string;
  readonly mode: string;
  /** The tone that it sends. */
  readonly hz: number;
  /** The tone of each user. */
  readonly tones: Readonly<Record<string, number>>;
  /** Also sends pictures. */
  readonly hasVideo?: boolean;
  /** Lets the SFU restart its delayed leave. */
  readonly isDelegated?: boolean;
  /** Sends its tone for this part of each second only, so that many members fit into one machine. Default 1. */
  readonly duty?: number;
  /** Stops receiving a track of a member once it was heard or seen. */
  readonly receivesOnce?: boolean;
  /** How often it reports. Default 250. */
  readonly reportMs?: number;
}

export type MemberCommand =
  | { readonly command: "join" | "leave" | "reset-gaps" }
  /** Moves to another authorisation service. */
  | { readonly command: "hop"; readonly service: string };

/** A command to one of the members of a process, by its number there. */
export type AddressedCommand = MemberCommand & { readonly to: number };

/** What a member hears of another one. */
export interface Heard {
  /** Milliseconds of its tone. */
  readonly ms: number;
  /** By the clock. */
  readonly firstTs: number;
  readonly lastTs: number;
  /** Milliseconds without its tone, at most, since the last reset. */
  readonly longestGapMs: number;
}

export interface MemberReport {
  readonly ts: number;
  readonly status: string;
  /** Ours, while we are in the call. */
  readonly memberId: string | undefined;
  readonly delayedLeave: string;
  readonly probablyLeft: boolean;
  /** When the last subscription of the join began. */
  readonly joinTs: number;
  /** The users that are in the call, and the stays of their devices. */
  readonly members: Readonly<Record<string, string>>;
  readonly heard: Readonly<Record<string, Heard>>;
  /** The status of each member's encryption: `ok`, or why not. */
  readonly encryption: Readonly<Record<string, string>>;
  /** The state of each connection, or why it failed, by the address of its service. */
  readonly connections: Readonly<Record<string, string>>;
  /** Where our own media goes. */
  readonly publishes: string | undefined;
  readonly problems: readonly CallProblem[];
  /** Frames of pictures that were decoded, by user. */
  readonly pictures: Readonly<Record<string, number>>;
  /** Keys of ours that were made, and messages that carried one to a device. */
  readonly keysCreated: number;
  readonly keysSent: number;
  readonly ownKeyIndex: number;
  /** Requests to the homeserver by path, without ids. */
  readonly requests: Readonly<Record<string, number>>;
  /** CPU time since the start of the process, in ms, and memory in MB: its share of those of the process. */
  readonly cpuMs: number;
  readonly memoryMb: number;
  /** How often others were seen to leave. */
  readonly departures: number;
}

/** The report of one of the members of a process. */
export type AddressedReport = MemberReport & { readonly from: number };
