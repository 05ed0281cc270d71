// NativeLog: the log records of the native part of rtc-node, which nobody reads.

/** The client of rtc-node for its native part. */
export interface NativeClient<Event> {
  emit(name: "ffi_event", event: Event): unknown;
}

/** What is needed of the package with the native part. */
export interface NativeBindings<Event> {
  readonly livekitInitialize: (
    listener: (data: Uint8Array) => void,
    capturesLog: boolean,
    sdkVersion: string,
  ) => unknown;
  readonly FfiEvent: { fromBinary(data: Uint8Array): Event };
}

const silenced = new WeakSet<object>();

/**
 * Stops the log records of the native part. rtc-node asks for all of them, a hundred a second for each connection, and brings each to
 * each room, which drops it. They are most of its events. Initialized again, the native part sends its events to the new
 * listener, without log records. If a version of rtc-node lacks these parts, the log records stay.
 */
export function stopNativeLog<Event>(
  client: NativeClient<Event>,
  load: () => readonly [NativeBindings<Event>, string] = loadBindings,
): void {
  if (silenced.has(client)) return;
  silenced.add(client);
  try {
    const [{ livekitInitialize, FfiEvent }, sdkVersion] = load();
    livekitInitialize((data) => void client.emit("ffi_event", FfiEvent.fromBinary(data)), false, sdkVersion);
  } catch {
    // It works with its log, too.
  }
}

/** What is needed of Node. The sources are compiled without its types, since most of them run in browsers. */
interface NodeProcess {
  getBuiltinModule(name: "node:module"): { createRequire(from: string): NodeRequire };
}

interface NodeRequire {
  (name: string): unknown;
  resolve(name: string): string;
}

/** rtc-node exports neither its native part nor its version, so both are required as rtc-node does it. */
function loadBindings<Event>(): readonly [NativeBindings<Event>, string] {
  const { process } = globalThis as unknown as { readonly process: NodeProcess };
  const { createRequire } = process.getBuiltinModule("node:module");
  const requireThere = createRequire(createRequire(import.meta.url).resolve("@livekit/rtc-node"));
  const { SDK_VERSION } = requireThere("./version.cjs") as { readonly SDK_VERSION: string };
  return [requireThere("@livekit/rtc-ffi-bindings") as NativeBindings<Event>, SDK_VERSION];
}
