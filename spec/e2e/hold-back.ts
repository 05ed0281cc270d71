// Holding key messages back, on their way out or on their way in; released by what each resolves with.
import type { Page } from "playwright-core";

/** The page's homeserver takes no to-device messages. */
export async function refuseToDevice(page: Page): Promise<() => Promise<void>> {
  const path = "**/sendToDevice/**";
  await page.route(path, (route) =>
    route.fulfill({ status: 503, json: { errcode: "M_UNKNOWN", error: "held back by the test" } }),
  );
  return () => page.unroute(path);
}

/** Encrypted to-device messages to the page vanish. */
export async function loseToDevice(page: Page): Promise<() => Promise<void>> {
  let isHeld = true;
  const path = "**/v3/sync?**";
  await page.route(path, async (route) => {
    // The page may give up, or go away, while the server takes its time.
    const response = await route.fetch({ timeout: 0 }).catch(() => undefined);
    if (!response) return route.abort().catch(() => {});
    const json = await response.json();
    const events: readonly { type: string }[] = json.to_device?.events ?? [];
    if (isHeld && events.length > 0) json.to_device.events = events.filter(({ type }) => type !== "m.room.encrypted");
    await route.fulfill({ response, json }).catch(() => {});
  });
  return async () => {
    isHeld = false;
    await page.unroute(path);
  };
}
