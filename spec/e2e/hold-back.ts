// HoldBack: delays key messages on their way out, or drops them on their way in. Calling the result ends it.
import type { Page } from "playwright-core";

/** The homeserver refuses to-device messages of this page. */
export async function refuseToDevice(page: Page): Promise<() => Promise<void>> {
  const path = "**/sendToDevice/**";
  await page.route(path, (route) =>
    route.fulfill({ status: 503, json: { errcode: "M_UNKNOWN", error: "held back by the test" } }),
  );
  return () => page.unroute(path);
}

/** Encrypted to-device messages to this page are lost. */
export async function loseToDevice(page: Page): Promise<() => Promise<void>> {
  let isHeld = true;
  const path = "**/v3/sync?**";
  await page.route(path, async (route) => {
    // The page may give up or close before the server answers.
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
