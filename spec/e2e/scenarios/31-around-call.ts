// The room around a call: a name, a chat with unread messages and typing, raised hands in order, reactions, a disabled button.
import { person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const shownMs = 10_000;

export const scenario: Scenario = {
  name: "31. around the call: names, chat, typing, hands in order, reactions, and a reason for a disabled button",
  async run({ world, enter }) {
    const a = await enter(person(world, "A"));
    const link = await a.createRoom();
    const b = await enter(person(world, "B", link));
    await a.join();
    await b.join();
    await Promise.all([a.decodes(b.userId), b.decodes(a.userId)]);
    const [pageA, pageB] = [a.tab.page, b.tab.page];

    await pageA.getByRole("button", { name: "Chat" }).click();
    await pageA.getByLabel("Message").pressSequentially("hello B");
    await pageB.getByRole("button", { name: "Chat" }).waitFor();
    await pageA.getByRole("button", { name: "Send" }).click();
    await pageB.getByRole("button", { name: "Chat (1)" }).click();
    await pageB.getByRole("complementary", { name: "Chat" }).getByText("hello B").waitFor();
    await pageB.getByRole("button", { name: "Chat", exact: true }).waitFor();
    await pageB.getByLabel("Message").pressSequentially("hello");
    await pageA.getByText(/is typing…$/).waitFor();
    await pageB.getByRole("button", { name: "Send" }).click();
    await pageA.getByRole("complementary", { name: "Chat" }).getByText("hello", { exact: true }).waitFor();

    await pageB.getByRole("button", { name: "Raise hand" }).click();
    await pageA.getByRole("list", { name: "Raised hands" }).getByRole("listitem").first().waitFor();
    await pageA.getByRole("button", { name: "Raise hand" }).click();
    const order = await until(
      "both hands are up",
      async () => {
        const hands = await pageA.getByRole("list", { name: "Raised hands" }).getByRole("listitem").allTextContents();
        return hands.length === 2 && hands;
      },
      shownMs,
    );
    assert(order[0] !== order[1], `the hands are of ${order.join(" and ")}`);
    await pageA.getByRole("button", { name: "React: party" }).click();
    await pageB.locator(".floating", { hasText: "🎉" }).waitFor();
    const screenshot = await b.tab.screenshot("31-around-call");
    await pageB.getByRole("button", { name: "Lower hand" }).click();
    await until("one hand is up", async () => (await pageA.locator(".hands li").count()) === 1, shownMs);

    // A makes the room read-only. The page of B says why B cannot send.
    await pageA.evaluate(async () => {
      const { homeserver, accessToken } = JSON.parse(sessionStorage.getItem("matrixrtc-rx account")!);
      const room = encodeURIComponent(new URLSearchParams(location.hash.slice(1)).get("room")!);
      const url = `${homeserver}/_matrix/client/v3/rooms/${room}/state/m.room.power_levels`;
      const headers = { Authorization: `Bearer ${accessToken}` };
      const levels = await (await fetch(url, { headers })).json();
      await fetch(url, { method: "PUT", headers, body: JSON.stringify({ ...levels, events_default: 50 }) });
    });
    const send = pageB.getByRole("button", { name: "Send" });
    await until("B may not send any more", () => send.isDisabled(), shownMs);
    return { hands: order, reason: await send.getAttribute("title"), screenshot };
  },
};
