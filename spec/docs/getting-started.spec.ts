// The example with a real client, of docs/getting-started.md, on matrix-js-sdk and a homeserver in memory.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { eventually, FakeServer, refusal } from "../js-sdk/fake-server.ts";
import { examplesIn } from "./examples.ts";

const [userId, deviceId, roomId] = ["@alice:example.org", "ALICE1", "!kitchen:example.org"];
const folder = new URL("./.getting-started/", import.meta.url);
const file = new URL("call.ts", folder);
const server = new FakeServer();
const membership = "/state/org.matrix.msc3401.call.member/";

const state = (type: string, stateKey: string, content: object) => ({
  type,
  state_key: stateKey,
  content,
  sender: userId,
  event_id: `$${type}`,
  origin_server_ts: 1,
});

const kitchen = (level: number) => [
  state("m.room.create", "", { room_version: "11" }),
  state("m.room.member", userId, { membership: "join" }),
  state("m.room.power_levels", "", { events: { "org.matrix.msc3401.call.member": level } }),
];

/** The requests about the membership of this user, in order. */
const requests = () =>
  server.requests.flatMap(({ path, url }) => {
    if (path.includes(membership)) return [url.searchParams.has("org.matrix.msc4140.delay") ? "schedule" : "write"];
    return path.includes("/delayed_events/") ? [path.split("/").at(-1)] : [];
  });

beforeAll(() => {
  const example = examplesIn("", readFileSync("docs/getting-started.md", "utf8")).find((each) => each.needsHomeserver);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, example!.code);
  const settings = { HOMESERVER: "https://server.example", USER_ID: userId, DEVICE_ID: deviceId, ROOM_ID: roomId };
  for (const [name, value] of Object.entries({ ...settings, ACCESS_TOKEN: "token" })) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllGlobals();
  server.stop();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the example as a user of the room with this power to join. */
async function run(level: number, write: () => object): Promise<void> {
  const { client, syncs } = server.client(userId, deviceId);
  vi.stubGlobal("fetch", client.http.opts.fetchFn);
  server.requests.length = 0;
  server.on("POST", "/delayed_events/", () => ({}));
  server.on("PUT", membership, ({ url }) =>
    url.searchParams.has("org.matrix.msc4140.delay") ? { delay_id: "delay-1" } : write(),
  );
  const firstSync = syncs.take({ join: { [roomId]: { state: kitchen(level) } } });
  await import(/* @vite-ignore */ `${file.pathname}?${level}`);
  await firstSync;
}

const mayNot = expect.stringContaining("may not send org.matrix.msc3401.call.member");

it("the example of getting started joins, and leaves when it is interrupted", async () => {
  await run(0, () => ({ event_id: "$member" }));
  await eventually(() => requests()).toEqual(["schedule", "write", "restart"]);
  process.emit("SIGINT");
  await eventually(() => requests().at(-1)).toBe("send");
  expect(console.warn).not.toHaveBeenCalledWith(mayNot);
});

it("the example of getting started says that an ordinary member of a default room may not join", async () => {
  await run(50, () => refusal(403, "M_FORBIDDEN"));
  expect(console.warn).toHaveBeenCalledWith(mayNot);
  await eventually(() => console.error).toHaveBeenCalledWith("join-refused", expect.any(String));
});
