// rtc-node brings each log record of its native part to each of its rooms, and none of them reads it.
import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { type NativeBindings, stopNativeLog } from "../../src/livekit-node/native-log.ts";

/** A native part that remembers how it was initialized. */
function nativePart() {
  const calls: { capturesLog: boolean; sdkVersion: string }[] = [];
  let listener: (data: Uint8Array) => void = () => {};
  const bindings: NativeBindings<string> = {
    livekitInitialize: (to, capturesLog, sdkVersion) => {
      calls.push({ capturesLog, sdkVersion });
      listener = to;
    },
    FfiEvent: { fromBinary: (data) => new TextDecoder().decode(data) },
  };
  return { calls, bindings, send: (event: string) => listener(new TextEncoder().encode(event)) };
}

describe("The log of the native part of rtc-node", () => {
  it("is stopped, and its events still reach the client", () => {
    const { calls, bindings, send } = nativePart();
    const client = new EventEmitter();
    const events: string[] = [];
    client.on("ffi_event", (event: string) => events.push(event));
    stopNativeLog(client, () => [bindings, "1.1.0"]);
    send("connected");
    expect([calls, events]).toEqual([[{ capturesLog: false, sdkVersion: "1.1.0" }], ["connected"]]);
  });

  it("is stopped once for all rooms", () => {
    const { calls, bindings } = nativePart();
    const client = new EventEmitter();
    for (let rooms = 0; rooms < 3; rooms += 1) stopNativeLog(client, () => [bindings, "1.1.0"]);
    expect(calls).toHaveLength(1);
  });

  it("stays where rtc-node keeps its parts elsewhere", () => {
    const lost = () => {
      throw new Error("Cannot find module './version.cjs'");
    };
    expect(() => stopNativeLog(new EventEmitter(), lost)).not.toThrow();
  });
});
