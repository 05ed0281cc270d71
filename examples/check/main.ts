// `npm run check:setup -- https://matrix.example.org alice`: whether calls can work for a user of a homeserver, step by step.
// The password comes from the variable MATRIX_PASSWORD. `-- … --register` makes the account first, for a homeserver of tests.
import { parseArgs } from "node:util";
import { createClient } from "matrix-js-sdk";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { checkCallSetup, type SetupStep } from "matrixrtc-rx/check";
import { lastValueFrom, tap } from "rxjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { register: { type: "boolean" }, room: { type: "string" }, insecure: { type: "boolean" } },
});
const [homeserver, user] = positionals;
const password = process.env["MATRIX_PASSWORD"];

if (!homeserver || !user || !password) {
  console.error(
    "usage: MATRIX_PASSWORD=… npm run check:setup -- HOMESERVER USER [--room ID] [--register] [--insecure]",
  );
  process.exit(2);
}

const marks = { waiting: " ", checking: "…", ok: "✓", warning: "!", failed: "✗", skipped: "-" } as const;
const said = new Set<string>();

function say(steps: readonly SetupStep[]): void {
  for (const { step, status, details } of steps) {
    if (said.has(step) || status === "waiting" || status === "checking") continue;
    said.add(step);
    console.log(`${marks[status]} ${step}: ${details.join("\n    ")}`);
  }
}

try {
  const guest = createClient({ baseUrl: homeserver });
  const account = values.register
    ? await guest.registerRequest({ username: user, password, auth: { type: "m.login.dummy" } })
    : await guest.loginRequest({ type: "m.login.password", identifier: { type: "m.id.user", user }, password });
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = account;
  if (!deviceId || !accessToken) throw new Error("the homeserver did not log in");
  const client = createClient({ baseUrl: homeserver, userId, deviceId, accessToken });
  try {
    const roomId = values.room ?? `!check:${client.getDomain()}`;
    const options = { roomId, homeserver, allowInsecure: values.insecure };
    const steps = await lastValueFrom(checkCallSetup(fromMatrixClient(client), options).pipe(tap(say)));
    const failed = steps.filter(({ status }) => status === "failed");
    console.log(failed.length === 0 ? "\ncalls can work here" : `\ncalls cannot work here: ${failed[0]?.step}`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  } finally {
    await client.logout(true);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
