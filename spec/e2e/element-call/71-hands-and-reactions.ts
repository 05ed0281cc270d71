// Raised hands and reactions between Element Call and our app.
import { joinRoom, register } from "../account.ts";
import { person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { elementCall } from "./element-call.ts";

const shownMs = 20_000;

export const scenario: Scenario = {
  name: "71. Element Call and our app see each other's raised hands and reactions",
  async run({ world, enter }) {
    const a = await enter(person(world, "A"));
    const link = await a.createRoom();
    const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
    const account = await register(world.stack.homeserver, "element");
    await joinRoom(account, roomId);
    const element = await enter(elementCall(world, account, roomId, { mode: "compatibility" }));
    await a.join();
    await element.start();
    await Promise.all([a.decodes(account.userId, { withinMs: 60_000 }), element.decodes(1)]);
    const ours = a.tab.page;
    const theirs = element.frame();
    const hands = ours.getByRole("list", { name: "Raised hands" }).getByRole("listitem");
    /** Hands and emoji on the tiles of Element Call. */
    const shownThere = async (emoji: string) => (await theirs.getByText(emoji, { exact: true }).count()) > 0;
    const took = async (what: string, act: () => Promise<void>, isShown: () => Promise<boolean>) => {
      await act();
      const startedAt = performance.now();
      await until(what, isShown, shownMs);
      return Math.round(performance.now() - startedAt);
    };
    const openMenu = async () => {
      // Its buttons show when the mouse moves.
      await element.page.mouse.move(640, 900 + Math.random() * 20);
      await theirs.getByRole("button", { name: "Reactions" }).click();
    };

    const figures = {
      "their hand is up here ms": await took(
        "Element Call's hand is up here",
        async () => {
          await openMenu();
          await theirs.getByRole("button", { name: "Raise hand" }).click();
        },
        async () => (await hands.count()) === 1,
      ),
      "our hand is up there ms": await took(
        "our hand is up in Element Call",
        () => ours.getByRole("button", { name: "Raise hand" }).click(),
        async () => (await theirs.getByText("✋", { exact: true }).count()) === 2,
      ),
      "our emoji is there ms": await took(
        "our emoji is in Element Call",
        () => ours.getByRole("button", { name: "React: party" }).click(),
        () => shownThere("🎉"),
      ),
    };
    const screenshot = await element.screenshot("71-element-call");
    const rest = {
      "their emoji is here ms": await took(
        "Element Call's emoji is here",
        async () => {
          await openMenu();
          await theirs.locator("menu button", { hasText: "👍" }).click();
        },
        async () => (await ours.locator(".floating", { hasText: "👍" }).count()) > 0,
      ),
      "their hand is down here ms": await took(
        "Element Call's hand is down here",
        async () => {
          await openMenu();
          await theirs.getByRole("dialog").getByRole("button", { name: "Lower hand" }).click();
        },
        async () => (await hands.count()) === 1,
      ),
      "our hand is down there ms": await took(
        "our hand is down in Element Call",
        () => ours.getByRole("button", { name: "Lower hand" }).click(),
        async () => !(await shownThere("✋")),
      ),
    };
    return { ...figures, ...rest, screenshot };
  },
};
