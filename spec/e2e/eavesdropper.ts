// Eavesdropper: a member of the Matrix room that joins the room of the SFU but not the call, so it gets no key.
import type { Account } from "./account.ts";
import type { EavesdropperFigures } from "./pages/eavesdropper.ts";
import { until } from "./until.ts";
import { Tab, openTab } from "./tab.ts";
import type { World } from "./world.ts";

export interface Eavesdropper extends Tab {
  /** Waits until it has received enough packets to decode something, if it had a key. */
  hears(enough: { participants: number; packetsReceived: number }): Promise<EavesdropperFigures>;
}

export async function eavesdropper(world: World, account: Account, link: string): Promise<Eavesdropper> {
  const tab = await openTab(world, "E", `${world.pages}eavesdropper.html`);
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  await tab.page.evaluate((options) => window.eavesdrop(options), {
    account,
    roomId,
    service: world.stack.service,
  });
  return Object.assign(tab, {
    hears: ({ participants, packetsReceived }: { participants: number; packetsReceived: number }) =>
      until(
        `E receives ${packetsReceived} packets of video`,
        async () => {
          const figures = await tab.page.evaluate(() => window.heard());
          return figures.participants >= participants && figures.packetsReceived >= packetsReceived && figures;
        },
        30_000,
      ),
  });
}
