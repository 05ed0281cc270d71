import { of } from "rxjs";
import { describe, expect, test } from "vitest";
import { delegateToSfu } from "../../src/livekit/delegation.ts";
import { marbles } from "../support/marbles.ts";
import { type Answer, fakeFetch } from "./fake-fetch.ts";

const openIdToken = { access_token: "oid", token_type: "Bearer", matrix_server_name: "example.org", expires_in: 3600 };
const backend = { openIdToken: () => of(openIdToken) };
const where = {
  transport: { type: "livekit", livekit_service_url: "https://rtc.example.org/jwt/" },
  roomId: "!kitchen:example.org",
  slot: "m.call#ROOM",
};
const ids = { userId: "@bob:example.org", deviceId: "PHONEXYZ" };
const sticky = { kind: "sticky", ...ids, memberId: "m1", participantIdentity: "hash" } as const;
const state = { kind: "state", ...ids, memberId: "@bob:example.org:PHONEXYZ", participantIdentity: "bob" } as const;
const leave = { delayId: "syd_1", delayMs: 3_600_000 };
const taken: Answer = { status: 200, body: {} };

describe("a delayed leave that is delegated to the authorisation service", () => {
  test(
    "goes to its own endpoint for a sticky member, with the body of a token request",
    marbles(({ expectObservable, flush }) => {
      const { asked, fetch } = fakeFetch(() => taken);
      expectObservable(delegateToSfu(backend, where, { fetch })({ ...leave, member: sticky })).toBe("-|");
      flush();
      expect(asked).toEqual([
        {
          url: "https://rtc.example.org/jwt/delegate_delayed_leave",
          body: {
            room_id: where.roomId,
            slot_id: where.slot,
            openid_token: openIdToken,
            member: { id: "m1", claimed_user_id: ids.userId, claimed_device_id: ids.deviceId },
            delay_id: "syd_1",
            delay_timeout: 3_600_000,
          },
        },
      ]);
    }),
  );

  test(
    "goes with a token request for a state member",
    marbles(({ expectObservable, flush }) => {
      const { asked, fetch } = fakeFetch(() => taken);
      expectObservable(delegateToSfu(backend, where, { fetch })({ ...leave, member: state })).toBe("-|");
      flush();
      expect(asked).toEqual([
        {
          url: "https://rtc.example.org/jwt/sfu/get",
          body: {
            room: where.roomId,
            openid_token: openIdToken,
            device_id: ids.deviceId,
            delay_id: "syd_1",
            delay_timeout: 3_600_000,
          },
        },
      ]);
    }),
  );

  test(
    "is rejected by services that do not support it, and the error does not contain the delay id",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch(() => ({ status: 400, body: { errcode: "M_BAD_JSON", error: "syd_1" } }));
      const refused = expect.objectContaining({
        name: "RtcError",
        code: "no-transport",
        message: expect.not.stringContaining("syd_1") as unknown,
      }) as unknown;
      expectObservable(delegateToSfu(backend, where, { fetch })({ ...leave, member: sticky })).toBe("-#", {}, refused);
    }),
  );

  test(
    "is sent again after temporary errors",
    marbles(({ expectObservable }) => {
      const { fetch } = fakeFetch((_, count) => (count < 3 ? "unreachable" : taken));
      const delegated$ = delegateToSfu(backend, where, { fetch })({ ...leave, member: sticky });
      expectObservable(delegated$).toBe("- 2s - 4s -|");
    }),
  );
});
