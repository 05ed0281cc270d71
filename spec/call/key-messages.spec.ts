import { Subject } from "rxjs";
import type { ToDeviceMessage } from "matrixrtc-rx/port";
import { expect, it, vi } from "vitest";
import { noteKeyMessages } from "../e2e/pages/probes/key-messages.ts";

const type = "io.element.call.encryption_keys";
const message = (content: unknown): ToDeviceMessage =>
  ({ type, sender: "@mallory:example.org", content }) as ToDeviceMessage;

it("the probe of key messages survives any content that anybody sends, and keeps the last 1,000", () => {
  const page: Partial<Window> = {};
  vi.stubGlobal("window", page);
  const toDevice$ = new Subject<ToDeviceMessage>();
  noteKeyMessages({ toDevice$ });
  for (const content of [undefined, null, 1, "", [], {}, { keys: null }, { keys: 1 }, { keys: { index: "0" } }])
    toDevice$.next(message(content));
  expect(page.keyMessages).toEqual([]);

  for (let keyIndex = 0; keyIndex < 1_500; keyIndex += 1) toDevice$.next(message({ keys: { index: keyIndex } }));
  expect(page.keyMessages).toHaveLength(1_000);
  expect(page.keyMessages?.at(-1)).toEqual({ userId: "@mallory:example.org", keyIndex: 1_499 });
  vi.unstubAllGlobals();
});
