// A mesh of ours and a mesh of matrix-js-sdk's GroupCall, one after the other, by the same marks: until all see frames of all.
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { joinRoom, register } from "../account.ts";
import type { SdkPeer } from "../pages/sdk-mesh.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { openTab } from "../tab.ts";
import { until } from "../until.ts";
import { median } from "../voip/caller.ts";
import { createCallRoom, meshPeople } from "./mesh-person.ts";

const rounds = 5;

/** Somebody in a mesh, whichever client makes it. */
interface Member {
  readonly userId: string;
  readonly page: Page;
  join(): Promise<void>;
  leave(): Promise<void>;
  see(): Promise<readonly SdkPeer[]>;
}

type Client = "ours" | "sdk";

export const scenario: Scenario = {
  name: "28. Meshes of three of ours and of matrix-js-sdk's GroupCall, side by side: enter, enter again, reload",
  async run(context) {
    const people = { ours: await ours(context), sdk: await sdks(context) };
    const times: Record<Client, Record<string, number>[]> = { ours: [], sdk: [] };
    const steps: Record<Client, unknown[]> = { ours: [], sdk: [] };
    for (let round = 0; round < rounds; round += 1)
      for (const client of round % 2 === 0 ? (["ours", "sdk"] as const) : (["sdk", "ours"] as const)) {
        const { figures, marks } = await play(people[client]);
        times[client].push(figures);
        steps[client].push(marks);
      }
    const summary = (client: Client) =>
      Object.fromEntries(
        Object.keys(times[client][0]!).map((name) => {
          const all = times[client].map((one) => one[name]!);
          return [name, `${Math.min(...all)} / ${median(all)} / ${Math.max(...all)}`];
        }),
      );
    return {
      "ours, ms: min / median / max": summary("ours"),
      "matrix-js-sdk 43, ms": summary("sdk"),
      "ours: steps of a reloaded caller, ms": steps.ours,
      "matrix-js-sdk: steps of a reloaded caller, ms": steps.sdk,
    };
  },
};

async function play(people: readonly Member[]) {
  const ordered = people.toSorted((one, other) => (one.userId < other.userId ? -1 : 1));
  const [first, second, last] = ordered as [Member, Member, Member];

  const togetherTs = Date.now();
  await Promise.all(ordered.map((person) => person.join()));
  const together = Math.max(await sees(ordered, togetherTs), 0);

  await last.leave();
  await until(
    "the last one is gone",
    async () => !(await isSeen(last, first)) && !(await isSeen(last, second)),
    15_000,
  );
  await sleep(500);
  const againTs = Date.now();
  await last.join();
  const again = await sees(ordered, againTs, last);

  await sleep(1_000);
  const caller = await reload(first, ordered);
  const marks = await first.page.evaluate(() => window.marks);
  await sleep(1_000);
  const called = await reload(last, ordered);

  const leftTs = Date.now();
  await last.leave();
  await until(
    "the last one is gone",
    async () => !(await isSeen(last, first)) && !(await isSeen(last, second)),
    15_000,
  );
  const gone = Date.now() - leftTs;
  await Promise.all([first.leave(), second.leave()]);
  await sleep(1_000);
  const { startedTs } = caller;
  return {
    figures: {
      "all enter together": together,
      "the last one enters again": again,
      "the one that calls is reloaded": caller.ms,
      "the same: until it sees the others": caller.seesMs,
      "the same: until the others see it": caller.seenMs,
      "the one that is called is reloaded": called.ms,
      "one leaves: it is gone": gone,
    },
    marks: Object.fromEntries(
      Object.entries(marks)
        .map(([name, ts]): [string, number] => [name, ts - startedTs])
        .toSorted(([, one], [, other]) => one - other),
    ),
  };
}

const isSeen = async (whom: Member, by: Member): Promise<boolean> =>
  (await by.see()).some(({ userId }) => userId === whom.userId);

async function reload(person: Member, people: readonly Member[]) {
  const startedTs = Date.now();
  await person.page.reload({ waitUntil: "commit" });
  const ms = await sees(people, startedTs, person);
  const others = people.filter((one) => one !== person);
  const seesMs = Math.max(...(await Promise.all(others.map((one) => firstFrame(person, one, startedTs)))));
  const seenMs = Math.max(...(await Promise.all(others.map((one) => firstFrame(one, person, startedTs)))));
  return { startedTs, ms, seesMs, seenMs };
}

/** Until each sees each other one, or only to and from `changed`. */
async function sees(people: readonly Member[], sinceTs: number, changed?: Member): Promise<number> {
  const times = people.flatMap((by) =>
    people
      .filter((whom) => whom !== by && (changed === undefined || changed === by || changed === whom))
      .map((whom) => firstFrame(by, whom, sinceTs)),
  );
  return Math.max(...(await Promise.all(times)));
}

/** Until the first frame of a track that came after `sinceTs` is shown. */
async function firstFrame(by: Member, whom: Member, sinceTs: number): Promise<number> {
  const ts = await until(
    `${by.userId} sees a frame of ${whom.userId}`,
    async () => {
      const peers = await by.see().catch(() => []);
      const frameTs = peers.find(({ userId }) => userId === whom.userId)?.firstFrameTs ?? 0;
      return frameTs >= sinceTs ? frameTs : undefined;
    },
    45_000,
  );
  return ts - sinceTs;
}

async function ours(context: ScenarioContext): Promise<readonly Member[]> {
  const people = await meshPeople(context, ["A", "B", "C"]);
  return people.map((person) => ({
    userId: person.userId,
    page: person.tab.page,
    join: () => person.join(),
    leave: () => person.leave(),
    see: () => person.see(),
  }));
}

async function sdks({ world, enter }: ScenarioContext): Promise<readonly Member[]> {
  const { homeserver } = world.stack;
  const names = ["A", "B", "C"];
  const accounts = await Promise.all(names.map((name) => register(homeserver, name)));
  const roomId = await createCallRoom(accounts[0]!, true);
  for (const account of accounts.slice(1)) await joinRoom(account, roomId);
  const userIds = accounts.map(({ userId }) => userId);
  const members = await Promise.all(
    accounts.map(async (account, index): Promise<Member> => {
      const { page } = await enter(openTab(world, `SDK ${names[index]}`, `${world.pages}sdk-mesh.html`));
      await page.evaluate((setup) => window.startSdkMesh(setup), { account, roomId, userIds });
      return {
        userId: account.userId,
        page,
        join: () => page.evaluate(() => window.sdkMeshPage!.join()),
        leave: () => page.evaluate(() => window.sdkMeshPage!.leave()),
        see: () => page.evaluate(() => window.sdkMeshPage?.see() ?? []),
      };
    }),
  );
  await members[0]!.page.evaluate(() => window.sdkMeshPage!.create());
  return members;
}
