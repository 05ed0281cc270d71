// Two people in a call decode each other. A participant of the SFU without a key decodes nothing.
import { joinRoom, register } from "../account.ts";
import { eavesdropper } from "../eavesdropper.ts";
import { person } from "../person.ts";
import { type Scenario, timesOf } from "../scenario.ts";
import { assert } from "../until.ts";

export const scenario: Scenario = {
  name: "1. A and B decode each other, encrypted; without the key nothing decodes",
  async run({ world, enter }) {
    const a = await enter(person(world, "A"));
    const link = await a.createRoom();
    const b = await enter(person(world, "B", link));
    await a.join();
    await b.join();
    const [bSeenByA, aSeenByB] = await Promise.all([a.decodes(b.userId), b.decodes(a.userId)]);
    const picture = await a.tab.screenshot("1-both-decode");

    const account = await register(world.stack.homeserver, "eve");
    await joinRoom(account, new URLSearchParams(new URL(link).hash.slice(1)).get("room")!);
    const eve = await enter(eavesdropper(world, account, link));
    const heard = await eve.hears({ participants: 2, packetsReceived: 200 });
    assert(heard.framesDecoded === 0, `without a key ${heard.framesDecoded} frames were decoded`);
    await Promise.all([a.decodes(b.userId), b.decodes(a.userId)]);

    return {
      "A after its join": timesOf((await a.look())!, await b.sender()),
      "B after its join": timesOf((await b.look())!, await a.sender()),
      "A decoded of B": { frames: bSeenByA.framesDecoded, encrypted: bSeenByA.encrypted },
      "B decoded of A": { frames: aSeenByB.framesDecoded, encrypted: aSeenByB.encrypted },
      "without a key": heard,
      screenshot: picture,
    };
  },
};
