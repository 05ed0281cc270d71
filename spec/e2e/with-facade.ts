// WithFacade: the page of the member by matrix-js-sdk over the facade, in a call with the original page and with ours.
import { fileURLToPath } from "node:url";
import { serve } from "./serve.ts";
import { joinRoom, register } from "./account.ts";
import { person } from "./person.ts";
import { inMode, type Scenario } from "./scenario.ts";
import { sdkMember } from "./sdk-member.ts";
import { until } from "./until.ts";

const config = fileURLToPath(new URL("pages/compat.vite.config.ts", import.meta.url));

export function withFacade(name: string, sdk: "state" | "sticky"): Scenario {
  return {
    name,
    async run(context) {
      const { world, enter } = inMode(context, sdk === "state" ? "compatibility" : "matrix_2_0");
      const ofFacade = await serve(config);
      try {
        const a = await enter(person(world, "A"));
        const link = await a.createRoom();
        const accounts = await Promise.all([
          register(world.stack.homeserver, "facade"),
          register(world.stack.homeserver, "sdk"),
        ]);
        for (const account of accounts)
          await joinRoom(account, new URLSearchParams(new URL(link).hash.slice(1)).get("room")!);
        const [facadeUser, sdkUser] = accounts;
        const facade = await enter(sdkMember({ ...world, pages: ofFacade.url }, facadeUser, link, sdk));
        const original = await enter(sdkMember(world, sdkUser, link, sdk));
        // An encrypted membership is sent once, to the devices that are known then.
        await Promise.all([facade.knows(sdkUser.userId), original.knows(facadeUser.userId)]);
        await facade.join();
        await original.join();
        const bothDecode = () => Promise.all([facade.decodes(sdkUser.userId), original.decodes(facadeUser.userId)]);
        await bothDecode();
        const indexes = async () => ({ facade: await facade.ownKeyIndex(), sdk: await original.ownKeyIndex() });
        const first = await indexes();

        await a.join();
        await Promise.all([
          a.decodes(facadeUser.userId),
          a.decodes(sdkUser.userId),
          facade.decodes(a.userId),
          original.decodes(a.userId),
        ]);
        const joined = await indexes();
        await a.leave();
        const second = await until(
          "both have changed their keys",
          async () => {
            const now = await indexes();
            return now.facade !== joined.facade && now.sdk !== joined.sdk && now;
          },
          15_000,
        );
        await bothDecode();
        return { "key indexes at first": first, "key indexes with A": joined, "key indexes after A": second };
      } finally {
        await ofFacade.close();
      }
    },
  };
}
