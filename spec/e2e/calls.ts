// Calls: two or three people who are in a call and decode each other.
import { type Person, person } from "./person.ts";
import type { ScenarioContext } from "./scenario.ts";

export async function twoInCall({ world, enter }: ScenarioContext): Promise<{ a: Person; b: Person; link: string }> {
  const a = await enter(person(world, "A"));
  const link = await a.createRoom();
  const b = await enter(person(world, "B", link));
  await a.join();
  await b.join();
  await allDecode(a, b);
  return { a, b, link };
}

export async function threeInCall(
  context: ScenarioContext,
): Promise<{ a: Person; b: Person; c: Person; link: string }> {
  const { a, b, link } = await twoInCall(context);
  const c = await context.enter(person(context.world, "C", link));
  await c.join();
  await allDecode(a, b, c);
  return { a, b, c, link };
}

/** Waits until each person has decoded more frames of every other person. */
export async function allDecode(...people: readonly Person[]): Promise<void> {
  await Promise.all(
    people.flatMap((one) => people.filter((other) => other !== one).map((other) => one.decodes(other.userId))),
  );
}
