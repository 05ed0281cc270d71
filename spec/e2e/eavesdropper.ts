// Eavesdropper: a member of the Matrix room who joins the SFU's room, but not the call: nobody gives it a key.
import type { Account } from "./account.ts";
import type { EavesdropperFigures } from "./pages/eavesdropper.ts";
import { until } from "./until.ts";
import { Visitor, visit } from "./visitor.ts";
import type { World } from "./world.ts";

export interface Eavesdropper extends Visitor {
  /** Waits until it has received enough to have decoded something, had it been able to. */
  hears(enough: { participants: number; packetsReceived: number }): Promise<EavesdropperFigures>;
}

export async function eavesdropper(world: World, account: Account, link: string): Promise<Eavesdropper> {
  const visitor = await visit(world, "E", `${world.pages}eavesdropper.html`);
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  await visitor.page.evaluate((options) => window.eavesdrop(options), {
    account,
    roomId,
    service: world.stack.service,
  });
  return Object.assign(visitor, {
    hears: ({ participants, packetsReceived }: { participants: number; packetsReceived: number }) =>
      until(
        `E receives ${packetsReceived} packets of video`,
        async () => {
          const figures = await visitor.page.evaluate(() => window.heard());
          return figures.participants >= participants && figures.packetsReceived >= packetsReceived && figures;
        },
        30_000,
      ),
  });
}
