// Three people connect with each other, without any server for media; one joins later, leaves, and comes again.
import type { SeenPeer } from "../pages/mesh.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { allDecode, meshPeople } from "./mesh-person.ts";

const isWithoutPictures = (peers: readonly SeenPeer[]): boolean =>
  peers.every(({ tracks }) => !tracks.some((track) => track.startsWith("camera") || track.startsWith("screen")));

export const scenario: Scenario = {
  name: "20. Three in a mesh: all decode all; one joins later, mutes, shares, leaves and comes again",
  async run(context) {
    const [a, b, c] = await meshPeople(context, ["A", "B", "C"]);
    if (!a || !b || !c) throw new Error("there are not three people");
    await Promise.all([a.join(), b.join()]);
    await allDecode([a, b]);
    const together = await Promise.all([a, b].map((person) => person.timesToFirstFrame()));

    const startedAt = performance.now();
    const since = () => Math.round(performance.now() - startedAt);
    await c.join();
    await allDecode([a, b, c]);
    const joinedMs = since();
    const later = await c.timesToFirstFrame();

    await b.mute(true);
    await until("C sees that B's camera is off", async () => (await c.peer(b))?.tracks.includes("camera!"), 5_000);
    await b.mute(false);
    await Promise.all([a.decodes(b), c.decodes(b)]);
    const { encryption, quality } = (await a.peer(b))!;
    assert(encryption === "end-to-end", `the encryption is ${encryption}`);

    // Their offers cross: each has something new to say to each other one.
    const people = [a, b, c];
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(people.map((person) => person.show(false, false)));
      const seeNothing = async () => (await Promise.all(people.map((person) => person.see()))).every(isWithoutPictures);
      await until("nobody sees a picture", seeNothing, 10_000);
      await Promise.all(people.map((person) => person.show(true, true)));
      await Promise.all([allDecode(people), allDecode(people, 15_000, "screenFrames")]);
    }

    const leftAt = performance.now();
    await c.leave();
    const isGone = async () => (await a.peer(c)) === undefined && (await b.peer(c)) === undefined;
    await until("C is gone", isGone, 5_000);
    const goneMs = Math.round(performance.now() - leftAt);
    await allDecode([a, b]);

    const backAt = performance.now();
    await c.join();
    await allDecode([a, b, c]);
    const backMs = Math.round(performance.now() - backAt);
    const rejected = (await a.trace()).filter(({ kind }) => kind === "message-rejected");
    return {
      "A and B together: first frames ms": together.flat(),
      "C later: first frames ms": later,
      "C later: all have decoded 12 frames ms": joinedMs,
      "C gone ms": goneMs,
      "C again: all have decoded 12 frames ms": backMs,
      quality,
      rejected: rejected.length,
    };
  },
};
