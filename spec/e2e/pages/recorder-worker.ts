// Takes the place of LiveKit's E2EE worker: it decrypts nothing, and keeps the frames as they come.
import type { RecordedFrame } from "./recorded-frame.ts";

interface Pipe {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly identity: string;
}

interface EncodedFrame {
  readonly data: ArrayBuffer;
  /** Of video only. */
  readonly type?: "key" | "delta";
}

/** The page. TypeScript takes this worker for a window. */
const page = self as unknown as Pick<Worker, "postMessage">;
const maxFrames = 4_000;
const frames: RecordedFrame[] = [];

function record({ readable, writable, identity }: Pipe): void {
  const keep = new TransformStream<EncodedFrame, EncodedFrame>({
    transform(frame, controller) {
      const { data, type } = frame;
      if (data.byteLength > 0)
        frames.push({ identity, ts: Date.now(), kind: type ?? "audio", bytes: [...new Uint8Array(data)] });
      if (frames.length > maxFrames) frames.shift();
      controller.enqueue(frame);
    },
  });
  void readable.pipeThrough(keep).pipeTo(writable);
}

self.addEventListener("message", ({ data: message }) => {
  const { kind, data } = message;
  if (kind === "decode")
    record({ readable: data.readableStream, writable: data.writableStream, identity: data.participantIdentity });
  // LiveKit waits for these answers.
  if (kind === "init") page.postMessage({ kind: "initAck", data: { enabled: false } }, []);
  if (kind === "enable") page.postMessage(message, []);
  if (kind === "frames") page.postMessage({ kind: "log", data: { level: "debug", msg: "", context: {} }, frames }, []);
});
self.addEventListener("rtctransform", (event) => {
  const { transformer } = event as Event & {
    readonly transformer: Omit<Pipe, "identity"> & { options: { participantIdentity: string } };
  };
  const { readable, writable, options } = transformer;
  record({ readable, writable, identity: options.participantIdentity });
});
