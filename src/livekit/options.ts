// LivekitMediaOptions: how to take part in the media of a call over LiveKit, with defaults.
import { isObservable, type Observable, of } from "rxjs";
import { RtcError } from "../errors.ts";
import type { JoinState } from "../join/join-state.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { DeviceFailure } from "../media/device-failure.ts";
import type { Transport } from "../types.ts";
import type { ServiceOptions } from "./service.ts";
import type { SfuRooms } from "./sfu-room.ts";
import { streamOf } from "../rx/stream-of.ts";

/**
 * How to take part in the media of a call.
 *
 * @typeParam Track What plays a track: a `MediaStreamTrack` in browsers.
 */
export interface LivekitMediaOptions<Track = MediaStreamTrack> extends ServiceOptions {
  /**
   * What `join` of this session returned. The media layer subscribes to it, and has connections while we are in the call. With
   * the join of another session there are no keys, and nobody can decrypt us.
   */
  readonly join: Observable<JoinState>;
  /** Makes the LiveKit rooms: `livekitRooms({ worker })` in browsers. */
  readonly rooms: SfuRooms<Track>;
  /**
   * Where we publish: a transport, or a stream of transports. Another one that is not equal moves us: we publish there
   * before we leave the old one. Default: `livekitTransport` of the client.
   */
  readonly transport?: Transport | Observable<Transport>;
  /** Publish on the transport of the oldest member instead, and follow it, as members of the mode `legacy` do. Default false. */
  readonly followOldest?: boolean;
  /** What we send: a value, or a stream of values. A stream that fails counts as nothing to send. Default: nothing. */
  readonly media?: OutgoingMedia<Track> | Observable<OutgoingMedia<Track>>;
  /** Devices that cannot be used, to be among the problems: `failures$` of `ownDevices`. Default: none. */
  readonly deviceFailures?: Observable<readonly DeviceFailure[]>;
  /** Whether media is encrypted. It must be what the join does. Default: as soon as the room is encrypted; in the clear until then. */
  readonly encrypted?: boolean;
  /** Which videos are received: `shown`, those that a tile asks for with `show`; `all`, the others as well. Default `all`. */
  readonly videos?: "all" | "shown";
  /** Receive small pictures, except in tiles with a high priority. Default false. */
  readonly lowBandwidth?: boolean | Observable<boolean>;
  /** How many SFUs that other members name we connect to, beside ours; each user can name one. Default 10. */
  readonly maxSfus?: number;
}

export interface ResolvedLivekitOptions<Track> {
  readonly join: Observable<JoinState>;
  readonly rooms: SfuRooms<Track>;
  readonly transport$: Observable<Transport> | undefined;
  readonly followOldest: boolean;
  readonly media$: Observable<OutgoingMedia<Track>>;
  readonly deviceFailures$: Observable<readonly DeviceFailure[]>;
  readonly encrypted: boolean | undefined;
  readonly videos: "all" | "shown";
  readonly lowBandwidth$: Observable<boolean>;
  readonly maxSfus: number;
  readonly service: ServiceOptions;
}

/** Fills in the defaults. @throws RtcError `bad-argument` */
export function resolveLivekitOptions<Track>(options: LivekitMediaOptions<Track>): ResolvedLivekitOptions<Track> {
  const { join, rooms, transport, followOldest = false, media = {}, deviceFailures = of([]), encrypted } = options;
  const { videos = "all", lowBandwidth = false, maxSfus = 10 } = options;
  if (!isObservable(join)) throw new RtcError("bad-argument", "join must be the stream that session.join returned");
  if (typeof rooms !== "function") throw new RtcError("bad-argument", "rooms must be what livekitRooms returns");
  if (!Number.isInteger(maxSfus) || maxSfus < 0 || maxSfus > 100)
    throw new RtcError("bad-argument", "maxSfus must be a whole number from 0 to 100");
  if (videos !== "all" && videos !== "shown") throw new RtcError("bad-argument", "videos must be all or shown");
  return {
    join,
    rooms,
    transport$: transport === undefined ? undefined : streamOf(transport),
    followOldest,
    media$: streamOf(media),
    deviceFailures$: deviceFailures,
    encrypted,
    videos,
    lowBandwidth$: streamOf(lowBandwidth),
    maxSfus,
    service: options,
  };
}
