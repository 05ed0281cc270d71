import { last } from "rxjs";
import { describe, expect, test } from "vitest";
import { checkCallSetup, type CallSetupOptions, type SetupStep } from "../../src/check/call-setup.ts";
import { SfuError } from "../../src/livekit/sfu-failure.ts";
import { MatrixError } from "../../src/matrix.ts";
import { virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { virtualSfu } from "../livekit/virtual-sfu.ts";

const alice = "@alice:example.org";

/** The last steps of a check, one line each, but the platform's: specs run in Node. */
function check(
  { flush }: { flush: () => void },
  more: Partial<CallSetupOptions> = {},
  home_: VirtualHomeserverOptions = {},
  prepare: (home: ReturnType<typeof virtualHomeserver>, sfu: ReturnType<typeof virtualSfu>) => void = () => {},
): string[] {
  const home = virtualHomeserver(home_);
  const sfu = virtualSfu();
  prepare(home, sfu);
  const roomId = home.createRoom({ members: [alice] });
  const options = { roomId, fetch: sfu.service.fetch, rooms: sfu.rooms as never, ...more };
  let steps: readonly SetupStep[] = [];
  checkCallSetup(home.client(alice, "PHONE"), options)
    .pipe(last())
    .subscribe((all) => (steps = all));
  flush();
  expect(sfu.open.size).toBe(0);
  return steps
    .filter(({ step }) => step !== "platform")
    .map(({ step, status, details }) => `${step} ${status}: ${details.join("; ")}`);
}

describe("The check of a call's setup", () => {
  test(
    "goes through all steps, tries the SFU, and leaves nothing behind",
    marbles((helpers) =>
      expect(check(helpers)).toEqual([
        "homeserver skipped: no base URL was given",
        "delayed-events ok: there, up to 86400 s",
        "sticky-events skipped: the features of the homeserver are not known",
        "transport ok: found https://livekit.virtual.example",
        "token ok: for wss://livekit.example.org",
        "sfu ok: connected",
      ]),
    ),
  );

  test(
    "says what each source of transports had, and skips what depends on it",
    marbles((helpers) => {
      const missing = (home: ReturnType<typeof virtualHomeserver>) =>
        home.injectFault({ request: "rtc-transports" }, { fail: new MatrixError("forbidden", "refused"), times: 100 });
      expect(check(helpers, {}, {}, missing).slice(3)).toEqual([
        "transport failed: the homeserver could not be read (refused); the .well-known file of the user's domain does not exist",
        "token skipped: there is no authorisation service to ask",
        "sfu skipped: there is no token for it",
      ]);
    }),
  );

  test(
    "warns of a homeserver without delayed events",
    marbles((helpers) => {
      const [, delayed] = check(helpers, {}, { delayedEvents: false });
      expect(delayed).toBe(
        "delayed-events warning: the homeserver has none: a device that crashes stays in the call for minutes",
      );
    }),
  );

  test(
    "says why the authorisation service gives no token, without a secret",
    marbles((helpers) => {
      const lines = check(
        helpers,
        {},
        {},
        (_, sfu) => (sfu.answer = () => ({ status: 403, body: { errcode: "M_FORBIDDEN" } })),
      );
      expect(lines.slice(4)).toEqual([
        "token failed: the authorisation service answered 403 M_FORBIDDEN",
        "sfu skipped: there is no token for it",
      ]);
    }),
  );

  test(
    "says why the SFU does not take us, and gives up on one that does not answer",
    marbles((helpers) => {
      const refused = check(helpers, {}, {}, (_, sfu) => (sfu.server("livekit").refuses = "sfu-full"));
      expect(refused.at(-1)).toBe("sfu failed: refused");
      const silent = check(helpers, {}, {}, (_, sfu) => (sfu.server("livekit").connectMs = 1e9));
      expect(silent.at(-1)).toBe("sfu failed: the SFU does not answer");
      expect(SfuError).toBeDefined();
    }),
  );
});
