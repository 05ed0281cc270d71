import { ClientEvent, HttpApiEvent } from "matrix-js-sdk";
import { afterEach, describe, expect, it } from "vitest";
import { runningClient } from "../../src/js-sdk/running-client.ts";
import { fromMatrixClient } from "../../src/js-sdk/from-matrix-client.ts";
import { eventually, FakeServer, refusal } from "./fake-server.ts";

const server = new FakeServer();
const crypto = { useIndexedDB: false };
afterEach(() => server.stop());

describe("A running client", () => {
  it("emits its port once it has synced, with encryption, and stops when nobody listens", async () => {
    const { client, syncs } = server.client();
    const ports: unknown[] = [];
    const running = runningClient(client, { crypto }).subscribe((port) => ports.push(port));
    expect(ports).toEqual([]);
    await syncs.take({});
    await eventually(() => ports).toEqual([fromMatrixClient(client)]);
    expect(client.getCrypto()).toBeDefined();
    running.unsubscribe();
    expect(client.clientRunning).toBe(false);
    expect([ClientEvent.Sync, HttpApiEvent.SessionLoggedOut].map((event) => client.listenerCount(event))).toEqual([
      0, 0,
    ]);
  });

  it("fails as logged out when the homeserver refuses its token", async () => {
    const { client, syncs } = server.client("@bob:example.org", "BOB1");
    const seen: unknown[] = [];
    runningClient(client, { crypto }).subscribe({
      next: () => seen.push("synced"),
      error: ({ kind }) => seen.push(kind),
    });
    await syncs.take({});
    await eventually(() => seen).toEqual(["synced"]);
    server.once("GET", "/account/whoami", () => refusal(401, "M_UNKNOWN_TOKEN"));
    await client.whoami().catch(() => {});
    await eventually(() => seen).toEqual(["synced", "logged-out"]);
    expect(client.clientRunning).toBe(false);
  });

  it("does not start if nobody listens any more when its encryption is ready", async () => {
    const { client } = server.client("@carol:example.org", "CAROL1");
    server.requests.length = 0;
    runningClient(client, { crypto }).subscribe().unsubscribe();
    await eventually(() => client.getCrypto()).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve));
    expect([client.clientRunning, server.sent("GET", "/sync")]).toEqual([false, []]);
  });
});
