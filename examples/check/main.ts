// `npm run check:setup -- https://matrix.example.org alice`: whether calls can work for a user of a homeserver, step by step.
import { parseArgs } from "node:util";
import { ConnectionError, createClient, MatrixError } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { checkCallSetup, type SetupStep, type SetupStepName } from "matrixrtc-rx/check";
import { lastValueFrom, tap } from "rxjs";

const usage = `usage: MATRIX_PASSWORD=… npm run check:setup -- HOMESERVER USER [options]

  HOMESERVER   its base URL, for instance https://matrix.example.org
  USER         a user name, or a user id. The variable MATRIX_PASSWORD has the password
  --room ID    a room of the user, for services that give tokens to members only
  --register   makes the account first, on a homeserver for tests
  --insecure   accepts http: addresses of other machines`;

const names: Readonly<Record<SetupStepName, string>> = {
  platform: "platform",
  homeserver: "homeserver",
  "delayed-events": "delayed events (MSC4140)",
  "sticky-events": "sticky events (MSC4354)",
  transport: "transports (MSC4143)",
  token: "token of the service",
  sfu: "SFU",
};
const marks = { ok: "✓", warning: "!", failed: "✗", skipped: "-" } as const;
const width = Math.max(...Object.values(names).map(({ length }) => length)) + 4;

// The SDK logs each request. Its logger is one of loglevel, which its types do not say.
const sdkLogger = logger as unknown as { methodFactory: () => () => void; rebuild(): void };
sdkLogger.methodFactory = () => () => {};
sdkLogger.rebuild();

const said = new Set<SetupStepName>();
const { homeserver, user, password, ...options } = settings();
try {
  const client = await logIn();
  try {
    const roomId = options.room ?? `!check:${client.getDomain()}`;
    const steps$ = checkCallSetup(fromMatrixClient(client), { roomId, homeserver, allowInsecure: options.insecure });
    const steps = await lastValueFrom(steps$.pipe(tap(say)));
    console.log(`\n${verdict(steps)}`);
    process.exitCode = steps.some(({ status }) => status === "failed") ? 1 : 0;
  } finally {
    await client.logout(true);
  }
} catch (error) {
  console.error(reasonOf(error));
  process.exitCode = 1;
}

function settings() {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { register: flag, insecure: flag, room: { type: "string" } },
    });
    const [address, name] = positionals;
    const { MATRIX_PASSWORD: secret } = process.env;
    if (address && name && secret)
      return {
        ...values,
        homeserver: address.includes("://") ? address : `https://${address}`,
        user: name,
        password: secret,
      };
  } catch {
    // An option that there is not: the usage says which there are.
  }
  console.error(usage);
  process.exit(2);
}

async function logIn() {
  const guest = createClient({ baseUrl: homeserver });
  const device = { password, initial_device_display_name: "check of calls" };
  const account = await (options.register
    ? guest.registerRequest({ ...device, username: user, auth: { type: "m.login.dummy" } })
    : guest.loginRequest({ ...device, type: "m.login.password", identifier: { type: "m.id.user", user } }));
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = account;
  if (!deviceId || !accessToken) throw new Error("the homeserver did not log in");
  return createClient({ baseUrl: homeserver, userId, deviceId, accessToken });
}

/** Prints the steps that have ended since the last time. */
function say(steps: readonly SetupStep[]): void {
  for (const { step, status, details } of steps) {
    if (status === "waiting" || status === "checking" || said.has(step)) continue;
    said.add(step);
    const about = details.join(`\n${" ".repeat(width)}`);
    console.log(
      `${marks[status]} ${names[step]}`.padEnd(width) + (status === "skipped" ? `not checked: ${about}` : about),
    );
  }
}

function verdict(steps: readonly SetupStep[]): string {
  const failed = steps.find(({ status }) => status === "failed");
  if (failed?.step === "transport")
    return "Calls over an SFU cannot work here. Apps that can do without one call over a mesh: docs/mesh.md.";
  if (failed) return `Calls cannot work here: ${names[failed.step]}.`;
  const isLess = steps.some(({ status }) => status === "warning");
  return isLess ? "Calls can work here, but for the lines with an exclamation mark." : "Calls can work here.";
}

function reasonOf(error: unknown): string {
  if (error instanceof ConnectionError) return `${homeserver} does not answer, or is no homeserver.`;
  if (error instanceof MatrixError) return `The homeserver refuses the login: ${error.data.error ?? error.errcode}`;
  return error instanceof Error ? error.message : String(error);
}
