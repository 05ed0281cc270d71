// mediaChange: a member of an encrypted call over LiveKit begins or ends to speak, and how that grows with the call. All work of
// the media layer on a change of its SFU, through the public API.
import { combineLatest, filter, firstValueFrom, of, skip, switchMap } from "rxjs";
import { whilePresent } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { type LivekitBackend, livekitCall } from "matrixrtc-rx/livekit";
import { keyMessage, myDeviceId, myUserId, range, roomId, slot, transport } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { FullCall } from "../full-call.ts";
import { FullSfu } from "../full-sfu.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";

const usual = 100;
const large = 400;

export async function mediaChange({ turns }: Effort): Promise<Figure[]> {
  const us = await inTurns(turns, { ours: await changeUs(usual), large: await changeUs(large) });
  return [
    {
      name: "mediaChange",
      what: `one of ${usual} members in an encrypted call over LiveKit begins or ends to speak`,
      unit: "us",
      ours: us.ours,
      goal: { atMost: 400 },
    },
    {
      name: "mediaGrowth",
      what: `the same from N = ${usual} to ${large}: 1 if it costs the same for each member`,
      unit: "exponent",
      ours: Math.log(us.large / us.ours) / Math.log(large / usual),
      goal: { atMost: 1.3 },
    },
  ];
}

async function changeUs(memberCount: number): Promise<() => Promise<number>> {
  const full = new FullCall(memberCount);
  const port = Object.assign(full.port, backend);
  const session = encryptedSession(port, { roomId, slot });
  const identities = session.membership$.value.map(({ participantIdentity }) => participantIdentity);
  const sfu = new FullSfu(identities);
  const call = livekitCall<string>(port, session, {
    rooms: sfu.rooms,
    transport: of(transport),
    fetch: async () => Response.json({ url: "wss://sfu.example.org", jwt: token }),
    join: { mode: "compatibility", keys: { enabled: true } },
  });
  call.state$.subscribe();
  let changes = 0;
  call.participants$
    .pipe(
      whilePresent(
        ({ member }) => member.instance,
        (participant$) => participant$.pipe(switchMap(({ speaking$ }) => speaking$.pipe(skip(1)))),
      ),
    )
    .subscribe(() => (changes += 1));
  await full.allSent;
  for (const n of range(0, memberCount)) port.toDevice$.next(keyMessage(n));
  const isReady = call.participants$.pipe(
    switchMap((all) => combineLatest(all.filter(({ isLocal }) => !isLocal).map(({ tracks$ }) => tracks$))),
    filter((tracks) => tracks.length === memberCount && tracks.every(({ length }) => length === 2)),
  );
  await firstValueFrom(isReady);
  let speaking = false;
  return async () => {
    speaking = !speaking;
    const before = changes;
    const ms = await elapsedMs(identities.map((identity) => () => sfu.speak(identity, speaking)));
    if (changes !== before + memberCount) throw new Error(`${changes - before} changes`);
    return (ms / memberCount) * 1_000;
  };
}

const backend: LivekitBackend = {
  openIdToken: () =>
    of({ access_token: "token", token_type: "Bearer", matrix_server_name: "example.org", expires_in: 3_600 }),
  rtcTransports: () => of(undefined),
  wellKnown: () => of(undefined),
};

const token = `h.${btoa(JSON.stringify({ sub: `${myUserId}:${myDeviceId}`, video: { room: "alias" } }))}.s`;
