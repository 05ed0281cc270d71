import { concat, map, NEVER, type Observable, of, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { type AvailableDevices, availableDevices, type DeviceList } from "../../src/media/available-devices.ts";
import { ownDevices } from "../../src/media/own-devices.ts";
import { marbles } from "../support/marbles.ts";

const info = (kind: string, deviceId: string, label = deviceId) => ({ kind, deviceId, label }) as MediaDeviceInfo;

/** The microphones of these ids. */
const mics = (...ids: string[]) => ids.map((id) => info("audioinput", id));

const words = ({ microphones, cameras, speakers }: AvailableDevices) =>
  [microphones, cameras, speakers].map((list) => list.map(({ deviceId }) => deviceId).join()).join(" | ");

/** A platform whose reads have these answers, one after the other. The last one is given again. */
class FakeList extends EventTarget {
  reads = 0;
  readonly #answers: readonly (readonly MediaDeviceInfo[] | Error)[];

  constructor(...answers: readonly (readonly MediaDeviceInfo[] | Error)[]) {
    super();
    this.#answers = answers;
  }

  async enumerateDevices(): Promise<MediaDeviceInfo[]> {
    const answer = this.#answers[Math.min(this.reads++, this.#answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    return [...answer];
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const seenOf = (list$: Observable<AvailableDevices>) => {
  const seen: AvailableDevices[] = [];
  return { seen, listening: list$.subscribe((lists) => seen.push(lists)) };
};

describe("The available devices", () => {
  it("are a list for each picker: without devices that have no id, and without Chrome's other names for a device", async () => {
    const list = new FakeList([
      ...mics("default", "communications", "", "headset", "table"),
      info("videoinput", "", ""),
      info("videoinput", "front", "Camera (046d:0825)"),
      info("audiooutput", "default"),
      info("audiooutput", "headset", ""),
      info("smelloutput", "rose"),
    ]);
    const { seen, listening } = seenOf(availableDevices(list, NEVER));
    await settled();
    expect(seen.map(words)).toEqual([" |  | ", "headset,table | front | headset"]);
    expect(seen[1]!.cameras).toEqual([{ deviceId: "front", label: "Camera (046d:0825)" }]);
    expect(seen[1]!.speakers).toEqual([{ deviceId: "headset", label: "" }]);
    listening.unsubscribe();
  });

  it("are read again at each devicechange, and stay the same objects where nothing has changed", async () => {
    const list = new FakeList(
      [...mics("a", "b"), info("videoinput", "front")],
      [...mics("a", "b"), info("videoinput", "front")],
      [...mics("a", "c"), info("videoinput", "front")],
      [info("audioinput", "a", "renamed"), ...mics("c"), info("videoinput", "front")],
    );
    const { seen, listening } = seenOf(availableDevices(list, NEVER));
    for (let change = 0; change < 3; change += 1) {
      await settled();
      list.dispatchEvent(new Event("devicechange"));
    }
    await settled();
    expect(list.reads).toBe(4);
    expect(seen.map(words)).toEqual([" |  | ", "a,b | front | ", "a,c | front | ", "a,c | front | "]);
    const [, first, second, third] = seen;
    expect(second!.cameras).toBe(first!.cameras);
    expect(second!.microphones[0]).toBe(first!.microphones[0]);
    expect(third!.microphones[0]).toEqual({ deviceId: "a", label: "renamed" });
    expect(third!.microphones[1]).toBe(second!.microphones[1]);
    listening.unsubscribe();
  });

  it("are read once for all subscribers; a later one begins with the lists of the others, and no listener is left", async () => {
    const list = new FakeList(mics("a"));
    const added: string[] = [];
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    const counting: DeviceList = {
      enumerateDevices: () => list.enumerateDevices(),
      addEventListener: (...args: Parameters<typeof addEventListener>) => {
        added.push(args[0]);
        addEventListener.apply(list, args);
      },
      removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
        added.splice(added.indexOf(args[0]), 1);
        removeEventListener.apply(list, args);
      },
    };
    const available$ = availableDevices(counting, NEVER);
    const first = available$.subscribe();
    await settled();
    const { seen, listening } = seenOf(available$);
    await settled();
    expect([list.reads, added, seen.map(words)]).toEqual([1, ["devicechange"], ["a |  | "]]);
    first.unsubscribe();
    listening.unsubscribe();
    expect(added).toEqual([]);
    expect(words(available$.value)).toBe("a |  | ");
  });

  it(
    "are those of the later read if the answers come in another order",
    marbles(({ cold, hot, expectObservable }) => {
      const answers = [cold("  -----(a|)"), cold("---(b|)")];
      const tried$ = hot("         --t       ");
      const subscription = "       ^--------!";
      const expected = "           n----b----";
      const lists = { a: mics("a"), b: mics("b") };
      let reads = 0;
      const list: DeviceList = {
        enumerateDevices: () => answers[reads++]!.pipe(map((name) => lists[name as "a"])) as never,
      };
      const seen$ = availableDevices(list, tried$).pipe(map(words));
      expectObservable(seen$, subscription).toBe(expected, { n: " |  | ", b: "b |  | " });
    }),
  );

  it.each<[string, DeviceList | undefined]>([
    ["there is no mediaDevices, as in an insecure page", undefined],
    ["it lists nothing", {}],
    [
      "enumerateDevices throws",
      {
        enumerateDevices: () => {
          throw new TypeError("no");
        },
      },
    ],
    ["enumerateDevices rejects", { enumerateDevices: () => Promise.reject(new Error("no")) }],
    ["the answer is no list", { enumerateDevices: () => Promise.resolve(undefined as never) }],
  ])("are empty lists where %s", async (_, list) => {
    const { seen, listening } = seenOf(availableDevices(list, of(1)));
    await settled();
    expect(seen.map(words)).toEqual([" |  | "]);
    expect(listening.closed).toBe(false);
    listening.unsubscribe();
  });

  it("are empty after a failed read, and there again after the next one", async () => {
    const list = new FakeList(mics("a"), new Error("no"), mics("a"));
    const { seen, listening } = seenOf(availableDevices(list, NEVER));
    for (let change = 0; change < 2; change += 1) {
      await settled();
      list.dispatchEvent(new Event("devicechange"));
    }
    await settled();
    expect(seen.map(words)).toEqual([" |  | ", "a |  | ", " |  | ", "a |  | "]);
    listening.unsubscribe();
  });

  it("show what the user has allowed as soon as a device of ours opens, without any devicechange", async () => {
    let isAllowed = false;
    const track = Object.assign(new EventTarget(), { kind: "audio", stop: () => {} });
    const devices = {
      enumerateDevices: async () => (isAllowed ? mics("default", "table") : mics("")),
      getUserMedia: async () => {
        isAllowed = true;
        return { getTracks: () => [track], getAudioTracks: () => [track], getVideoTracks: () => [] } as never;
      },
      getDisplayMedia: () => Promise.reject(new Error("no")),
    };
    const microphone$ = new Subject<boolean>();
    const { media$, available$ } = ownDevices({ microphone: concat(of(false), microphone$) }, devices);
    const { seen, listening } = seenOf(available$);
    await settled();
    expect(isAllowed).toBe(false);
    listening.add(media$.subscribe());
    microphone$.next(true);
    await settled();
    expect(seen.map(words)).toEqual([" |  | ", "table |  | "]);
    listening.unsubscribe();
  });
});
