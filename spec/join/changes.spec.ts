import { EMPTY, filter, map, of, throwError } from "rxjs";
import { describe, it } from "vitest";
import { RtcError } from "../../src/errors.ts";
import type { JoinOptions } from "../../src/join/options.ts";
import { objectOr } from "../../src/room/json.ts";
import type { Membership, Transport } from "../../src/types.ts";
import { inWords, marbles, memberType, scene, smooth } from "./scene.ts";

const on = (host: string): readonly Transport[] => [{ type: "livekit", livekit_service_url: `https://${host}` }];
const failing = throwError(() => new Error("out of order"));
const words = { ...smooth, t: "waiting-for-transports" };

describe("The data of the application", () => {
  it(
    "must be known before a delayed leave is scheduled, because the leave would fire",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join } = scene();
      const transports = cold("                  5s        a", { a: on("a") });
      expectObservable(requests$, "              ^ 9s !").toBe("C 4999ms D-W-R");
      expectObservable(inWords(join({ transports })), "^ 9s !").toBe("a-t 4997ms d-w-j", words);
    }),
  );

  it(
    "is written again without leaving, unless it is the same (guarantee 34)",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      const transports = cold("                       a---------a----b", { a: on("a"), b: on("b") });
      expectObservable(requests$, "                   ^ 1s !").toBe("C-D-W-R--------W");
      expectObservable(seen$, "                       ^ 1s !").toBe("n-----a", { n: "", a: "alice" });
      expectObservable(inWords(join({ transports })), "^ 1s !").toBe("a-d-w-j", words);
    }),
  );

  it(
    "is written once more when it changes while the join is under way",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join } = scene();
      const intent = cold("                        a----b", { a: "audio", b: "video" });
      expectObservable(requests$, "                ^ 1s !").toBe("C-D-W-(RW)");
      expectObservable(inWords(join({ intent })), "^ 1s !").toBe("a-d-w-j", words);
    }),
  );

  it.each(["compatibility", "matrix_2_0"] as const)("changes the same member for others, in %s mode", (mode) =>
    marbles(({ cold, expectObservable }) => {
      const { join, membership$ } = scene();
      const intents$ = membership$.pipe(map((members) => members.map(intentOf).join()));
      const intent = cold("            a---------b", { a: "audio", b: "video" });
      expectObservable(intents$, "        ^ 1s !").toBe("n-----a-----b", {
        n: "",
        a: "alice means audio",
        b: "alice means video",
      });
      expectObservable(inWords(join({ mode, intent })), "^ 1s !").toBe("a-d-w-j", words);
    })(),
  );

  it(
    "is not written again before the room has shown us, since the write contains when we joined by the room's clock",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene({ syncMs: 3_000 });
      const intent = cold("                        a---------b", { a: "audio", b: "video" });
      const created$ = home.event$.pipe(
        filter(({ type }) => type === memberType),
        map(({ content }) => String(objectOr(content)["created_ts"])),
      );
      expectObservable(requests$, "                ^ 4s !").toBe("C-D-W-R 2998ms W");
      expectObservable(created$, "                 ^ 4s !").toBe("-----a 3000ms  b", { a: "undefined", b: "5" });
      expectObservable(inWords(join({ intent })), "^ 4s !").toBe("a-d-w-j", words);
    }),
  );

  it.each<[string, Partial<JoinOptions>, string]>([
    ["transports that fail", { transports: failing }, "no-transport"],
    ["transports that complete without a value", { transports: EMPTY }, "no-transport"],
    [
      "transports that fail with a code",
      { transports: throwError(() => new RtcError("unsupported", "")) },
      "unsupported",
    ],
    ["transports without a type", { transports: of([{}]) as never }, "bad-argument"],
    ["an application of another slot", { application: of({ type: "org.example.game" }) }, "bad-argument"],
    ["an intent that fails", { intent: failing }, "bad-argument"],
  ])("ends the join for %s", (_, options, error) =>
    marbles(({ expectObservable }) => {
      const { requests$, join } = scene();
      expectObservable(requests$, "               ^ 1s !").toBe("C");
      expectObservable(inWords(join(options)), "  ^ 1s !").toBe("(al#)", words, error);
    })(),
  );

  it(
    "ends the join when leaveOn fails",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join } = scene();
      const leaveOn = cold("                        ----------#");
      expectObservable(requests$, "                 ^ 1s !").toBe("C-D-W-R---S");
      expectObservable(inWords(join({ leaveOn })), "^ 1s !").toBe("a-d-w-j---l-#", words, "bad-argument");
    }),
  );

  it(
    "that fails after we joined ends the join with one leave",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      const transports = cold("                        a---------#", { a: on("a") });
      expectObservable(requests$, "                    ^ 1s !").toBe("C-D-W-R---S");
      expectObservable(seen$, "                        ^ 1s !").toBe("n-----a-----n", { n: "", a: "alice" });
      expectObservable(inWords(join({ transports })), "^ 1s !").toBe("a-d-w-j---l-#", words, "no-transport");
    }),
  );
});

const intentOf = ({ userId, intent }: Membership) => `${userId.slice(1, 6)} means ${intent}`;
