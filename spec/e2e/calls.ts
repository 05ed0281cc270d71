// Calls to begin with: two people, or three, who all decode each other.
import { type Person, person } from "./person.ts";
import type { Stage } from "./scenario.ts";

export async function twoInCall({ world, enter }: Stage): Promise<{ a: Person; b: Person; link: string }> {
  const a = await enter(person(world, "A"));
  const link = await a.createRoom();
  const b = await enter(person(world, "B", link));
  await a.join();
  await b.join();
  await allDecode(a, b);
  return { a, b, link };
}

export async function threeInCall(stage: Stage): Promise<{ a: Person; b: Person; c: Person; link: string }> {
  const { a, b, link } = await twoInCall(stage);
  const c = await stage.enter(person(stage.world, "C", link));
  await c.join();
  await allDecode(a, b, c);
  return { a, b, c, link };
}

/** Waits until each has decoded more frames of each other one. */
export async function allDecode(...people: readonly Person[]): Promise<void> {
  await Promise.all(
    people.flatMap((one) => people.filter((other) => other !== one).map((other) => one.decodes(other.userId))),
  );
}
