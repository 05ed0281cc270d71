// `npm run e2e`: calls between browsers over a real homeserver and a real SFU.
// `-- --smoke`: scenario 1 alone. `-- --only 3,4`: some scenarios. `-- --json FILE`: outcomes and figures.
// `-- --mode matrix_2_0`: the join mode of our members.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { scenario as withElementCall } from "./element-call/70-both-decode.ts";
import { scenario as handsInElementCall } from "./element-call/71-hands-and-reactions.ts";
import { scenario as elementCallRings } from "./element-call/72-rings.ts";
import { waitsForPictures } from "./first-picture.ts";
import { scenario as meshOfThree } from "./mesh/20-three.ts";
import { scenario as meshReloaded } from "./mesh/21-reload-and-kill.ts";
import { scenario as meshCutOff } from "./mesh/26-cut-off.ts";
import { scenario as meshBesideSdk } from "./mesh/28-beside-sdk.ts";
import { scenario as crossingOffers } from "./mesh/27-crossing-offers.ts";
import { scenario as appWithoutSfu } from "./mesh/29-app-without-sfu.ts";
import { scenario as nodeMember } from "./node/60-node-member.ts";
import { scenario as recorder } from "./node/61-recorder.ts";
import { Person } from "./person.ts";
import { redacted } from "./redact.ts";
import type { Figures, Scenario } from "./scenario.ts";
import { scenario as bothDecode } from "./scenarios/1-both-decode.ts";
import { scenario as thirdJoins } from "./scenarios/2-third-joins.ts";
import { scenario as thirdLeaves } from "./scenarios/3-third-leaves.ts";
import { scenario as killed } from "./scenarios/4-killed.ts";
import { scenario as reload } from "./scenarios/5-reload.ts";
import { scenario as sdkMember } from "./scenarios/6-sdk-member.ts";
import { scenario as crashAndReturn } from "./scenarios/7-crash-and-return.ts";
import { scenario as lateRoomMember } from "./scenarios/8-late-room-member.ts";
import { scenario as frozen } from "./scenarios/9-frozen.ts";
import { scenario as rotation } from "./scenarios/10-rotation.ts";
import { scenario as heldBack } from "./scenarios/11-held-back.ts";
import { scenario as sdkMemberSticky } from "./scenarios/12-sdk-member-sticky.ts";
import { scenario as stickySdkMember } from "./scenarios/13-sticky-sdk-member.ts";
import { scenario as stickyWithSdkMember } from "./scenarios/14-sticky-with-sdk-member.ts";
import { scenario as lostKey } from "./scenarios/15-lost-key.ts";
import { scenario as lostSdkKey } from "./scenarios/16-lost-sdk-key.ts";
import { scenario as lostSdkKeySticky } from "./scenarios/17-lost-sdk-key-sticky.ts";
import { scenario as lateToSdkMember } from "./scenarios/18-late-to-sdk-member.ts";
import { scenario as ringing } from "./scenarios/30-ringing.ts";
import { scenario as aroundCall } from "./scenarios/31-around-call.ts";
import { scenario as devices } from "./scenarios/32-devices.ts";
import { scenario as delegated } from "./sites/68-delegated.ts";
import { scenario as duplicateIdentity } from "./sites/90-duplicate-identity.ts";
import { scenarios as cutOff } from "./sites/91-cut-off.ts";
import { scenario as hop } from "./sites/66-hop.ts";
import { scenario as oldestLeaves } from "./sites/67-oldest-leaves.ts";
import { scenario as sfuKilled } from "./sites/65-sfu-killed.ts";
import { scenario as shortTokens } from "./sites/69-short-tokens.ts";
import { scenarios as twoHomeservers } from "./sites/62-two-homeservers.ts";
import { scenario as facade } from "./scenarios/50-facade.ts";
import { scenario as facadeSticky } from "./scenarios/51-facade-sticky.ts";
import { scenario as ratchet } from "./scenarios/40-ratchet.ts";
import { scenario as ratchetSdk } from "./scenarios/41-ratchet-sdk.ts";
import { scenario as ratchetMuted } from "./scenarios/42-ratchet-muted.ts";
import { scenario as ratchetPast } from "./scenarios/43-ratchet-past.ts";
import { scenario as joinerTime } from "./scenarios/44-joiner-time.ts";
import { scenario as ratchetElementCall } from "./scenarios/45-ratchet-element-call.ts";
import { scenario as manyCalls } from "./scenarios/80-many-calls.ts";
import type { Tab } from "./tab.ts";
import { scenario as voipOfOurs } from "./voip/22-two-of-ours.ts";
import { scenario as voipGlare } from "./voip/23-glare.ts";
import { scenario as voipWithSdk } from "./voip/24-with-sdk.ts";
import { scenario as voipGlareWithSdk } from "./voip/25-glare-with-sdk.ts";
import { inWorld, type World } from "./world.ts";

const scenarios: readonly Scenario[] = [
  bothDecode,
  thirdJoins,
  thirdLeaves,
  killed,
  reload,
  sdkMember,
  crashAndReturn,
  lateRoomMember,
  frozen,
  rotation,
  heldBack,
  sdkMemberSticky,
  stickySdkMember,
  stickyWithSdkMember,
  lostKey,
  lostSdkKey,
  lostSdkKeySticky,
  lateToSdkMember,
  meshOfThree,
  meshReloaded,
  voipOfOurs,
  voipGlare,
  voipWithSdk,
  voipGlareWithSdk,
  meshCutOff,
  crossingOffers,
  appWithoutSfu,
  meshBesideSdk,
  ringing,
  aroundCall,
  devices,
  nodeMember,
  recorder,
  ...twoHomeservers,
  sfuKilled,
  hop,
  oldestLeaves,
  delegated,
  shortTokens,
  duplicateIdentity,
  ...cutOff,
  facade,
  facadeSticky,
  ratchet,
  ratchetSdk,
  ratchetMuted,
  ratchetPast,
  joinerTime,
  ratchetElementCall,
  manyCalls,
  withElementCall,
  handsInElementCall,
  elementCallRings,
];

const { values } = parseArgs({
  options: {
    smoke: { type: "boolean" },
    only: { type: "string" },
    json: { type: "string" },
    mode: { type: "string", default: "compatibility" },
  },
});
const only = (values.smoke ? "1" : values.only)?.split(",");
const chosen = scenarios.filter(({ name }) => only === undefined || only.some((one) => name.startsWith(`${one}.`)));

interface Outcome {
  readonly name: string;
  readonly outcome: "passed" | "failed";
  readonly durationMs: number;
  readonly figures: Figures;
  readonly firstPicturesMs: readonly number[];
  readonly problem?: string;
}

/** A picture comes within this time after the SFU is connected and the key is there. */
const firstPictureMs = 300;

const say = (line: string) => console.log(redacted(line));
const outcomes: Outcome[] = [];

try {
  if (chosen.length === 0) throw new Error(`there is no scenario ${only?.join()}`);
  const federated = chosen.some(({ isFederated }) => isFederated);
  await inWorld({ mode: values.mode, federated, say }, async (world) => {
    for (const scenario of chosen) {
      say(`\n${scenario.name}`);
      // Scenarios measure times, so they run one after the other.
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await play(scenario, world);
      outcomes.push(outcome);
      for (const [name, figure] of Object.entries(outcome.figures)) say(`  ${name}: ${words(figure)}`);
      if (outcome.firstPicturesMs.length > 0) say(`  first pictures after ms: ${outcome.firstPicturesMs.join(", ")}`);
      say(`  ${outcome.outcome} in ${(outcome.durationMs / 1_000).toFixed(1)} s`);
    }
  });
  if (values.json) await writeFile(values.json, redacted(`${JSON.stringify(outcomes, null, 2)}\n`));
  const failed = outcomes.filter(({ outcome }) => outcome === "failed");
  const pictures = outcomes.flatMap(({ firstPicturesMs }) => firstPicturesMs);
  const inTime = pictures.filter((ms) => ms <= firstPictureMs);
  if (pictures.length > 0)
    say(
      `\nfirst pictures after joining a running call, from the later of SFU and key: ${inTime.length} of ${pictures.length} ` +
        `within ${firstPictureMs} ms, the last after ${Math.max(...pictures)} ms`,
    );
  say(`\n${outcomes.length - failed.length} of ${outcomes.length} scenarios passed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} catch (error) {
  console.error(redacted(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
}
// The SDK keeps timers, in members of this process too.
process.exit();

async function play(scenario: Scenario, world: World): Promise<Outcome> {
  const tabs: Tab[] = [];
  const startedAt = performance.now();
  const duration = () => Math.round(performance.now() - startedAt);
  const pictures = () => waitsForPictures(tabs.flatMap((tab) => tab.pictureNotes));
  const enter = async <T extends Person | Tab>(entering: Promise<T>): Promise<T> => {
    const entered = await entering;
    tabs.push(entered instanceof Person ? entered.tab : entered);
    return entered;
  };
  try {
    const figures = await scenario.run({ world, enter });
    return {
      name: scenario.name,
      outcome: "passed",
      durationMs: duration(),
      figures,
      firstPicturesMs: pictures(),
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    say(`  ${problem}`);
    await Promise.all(tabs.map((tab) => report(tab, scenario.name)));
    return {
      name: scenario.name,
      outcome: "failed",
      durationMs: duration(),
      figures: {},
      firstPicturesMs: pictures(),
      problem,
    };
  } finally {
    await Promise.all(tabs.map((tab) => tab.close()));
  }
}

/** Prints a screenshot and the errors of a page after a failure. */
async function report(tab: Tab, scenario: string): Promise<void> {
  const file = `${Number.parseInt(scenario)}-${tab.name}`;
  const path = await tab.screenshot(file).catch(() => "no screenshot: the page is gone");
  say([`  ${tab.name}: ${path}`, ...tab.complaints.map((line) => `    ${line}`)].join("\n"));
}

function words(figure: unknown): string {
  if (typeof figure !== "object" || figure === null) return String(figure);
  return Object.entries(figure)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(",") : words(value)}`)
    .join(", ");
}
