// Two peer connections of a browser whose offers cross: the pictures go on, whatever is offered.
import type { Crossing } from "../pages/links.ts";
import type { Scenario } from "../scenario.ts";
import { assert } from "../until.ts";
import { openTab } from "../tab.ts";

const crossings: readonly Crossing[] = ["restart", "cameras", "screens"];

export const scenario: Scenario = {
  name: "27. Offers that cross: the pictures of both sides go on",
  async run({ world, enter }) {
    const tab = await enter(openTab(world, "A", `${world.pages}links.html`));
    const figures: Record<string, string> = {};
    for (const crossing of crossings) {
      const { offers, frames } = await tab.page.evaluate((name) => window.cross(name), crossing);
      const seen = `${offers} offers, frames in 1.5 s ${JSON.stringify(frames)}`;
      assert(offers >= 2, `${crossing}: no offers crossed: ${seen}`);
      const pictures = crossing === "restart" ? 1 : 2;
      const goOn = frames.every((counts) => counts.length === pictures && counts.every((count) => count >= 6));
      assert(goOn, `${crossing}: a picture has stopped: ${seen}`);
      figures[crossing] = seen;
    }
    return figures;
  },
};
