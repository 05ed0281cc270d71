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

  it("asks for another number of events than the page before, so that no homeserver gives it the past from a cache", async () => {
    const filters = new Set<string>();
    for (const deviceId of ["DAVE1", "DAVE2", "DAVE3", "DAVE4"]) {
      const { client, syncs } = server.client("@dave:example.org", deviceId);
      server.requests.length = 0;
      const running = runningClient(client, { crypto, start: { initialSyncLimit: 20 } }).subscribe();
      await syncs.take({});
      const [first] = server.sent("GET", "/sync");
      filters.add(first!.url.searchParams.get("filter")!);
      running.unsubscribe();
    }
    const limits = [...filters].map((filter) => JSON.parse(filter).room.timeline.limit as number);
    expect(limits.length).toBeGreaterThan(1);
    expect(limits.every((limit) => limit >= 20 && limit < 36)).toBe(true);
  });

  it("does not start if nobody listens when its encryption is ready", async () => {
    const { client } = server.client("@carol:example.org", "CAROL1");
    server.requests.length = 0;
    runningClient(client, { crypto }).subscribe().unsubscribe();
    await eventually(() => client.getCrypto()).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve));
    expect([client.clientRunning, server.sent("GET", "/sync")]).toEqual([false, []]);
  });
});
