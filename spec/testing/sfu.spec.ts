// The virtual SFU: who can decrypt whom, reported as LiveKit reports it, and delegated delayed leaves.
import { map, timer } from "rxjs";
import { describe, it } from "vitest";
import { type EncryptedSession, encryptedSession } from "../../src/encryption/index.ts";
import { marbles, play, runOn, tileNames, virtualHomeserver, virtualSfu } from "../../src/testing/index.ts";

const nothing = { connections: 0, delegatedLeaves: 0 };

describe("A tile", () => {
  it(
    "is black while the key is lost, and the member gets the key again because LiveKit reports it",
    marbles((m) => {
      const { alice, bob, home } = play(m, { alice: "j 60s l", bob: "10s j 50s l" });
      m.cold("9s x").subscribe(() => home.injectMessageFault({ to: { userId: "@alice:example.org" } }, { lose: true }));
      m.expect(alice.tiles$, "^ 30s !").toEmit('0 ""', "10.011s bob(missing-key)", "11.067s bob");
      m.expect(bob.tiles$, "  ^ 30s !").toEmit('0 ""', "10.011s alice(missing-key)", "10.014s alice");
    }),
  );

  it(
    "is not black in a room without encryption",
    marbles((m) => {
      const { alice } = play(m, { alice: "j 10s l", bob: "1s j" }, { encrypted: false });
      m.expect(alice.tiles$, "^ 5s !").toEmit('0 ""', "1.011s bob");
    }),
  );

  it(
    "of a device that is killed, asleep or offline shows nothing any more",
    marbles((m) => {
      const { alice } = play(m, { alice: "j 90s l", bob: "j 10s k", carl: "j 11s s 5s w", dora: "j 12s x 2s o" });
      m.expect(alice.tiles$, "5s ^ 15s !").toEmit(
        "5s bob carl dora",
        "10.001s carl dora",
        "11.001s dora",
        '12.001s ""',
        "14.002s dora",
        "16.002s carl dora",
      );
    }),
  );

  it(
    "is reported when its key does not fit, once",
    marbles((m) => {
      const home = virtualHomeserver({ latencyMs: 2, syncMs: 1 });
      const sfu = virtualSfu(home);
      const users = ["@alice:example.org", "@bob:example.org"];
      const call = { roomId: home.createRoom({ members: users, encrypted: true }), slot: "m.call#ROOM" };
      const [phone, laptop] = [home.device("@alice:example.org", "A"), home.device("@bob:example.org", "A")];
      const reports: string[] = [];
      // Alice installs wrong keys.
      const tampered = (session: EncryptedSession): EncryptedSession => ({
        ...session,
        encryptionKey$: session.encryptionKey$.pipe(
          map((key) => (key.own ? key : { ...key, key: new Uint8Array(16) })),
        ),
        decryption: { next: ({ result, keyIndex }) => void reports.push(`${result} ${keyIndex}`) },
      });
      const join = (device: typeof phone, session: EncryptedSession) =>
        session
          .join({ leaveOn: timer(20_000) })
          .pipe(sfu.connect(device, session), runOn(device))
          .subscribe();
      join(phone, tampered(encryptedSession(phone.matrix, call)));
      join(laptop, encryptedSession(laptop.matrix, call));
      m.expect(sfu.tiles$(phone).pipe(map(tileNames)), "^ 10s !").toEmit(
        '0 ""',
        "11ms bob(missing-key)",
        "14ms bob(invalid-key)",
      );
      const found = ["invalid-key 0", "alice/A>bob/A ok", "bob/A>alice/A invalid-key"];
      m.expect(timer(15_000).pipe(map(() => [...reports, ...sfu.flows()]))).toBe("15s (f|)", { f: found });
      m.expect(timer(30_000).pipe(map(() => sfu.leftovers()))).toBe("30s (n|)", { n: nothing });
    }),
  );
});

describe("A delayed leave that is delegated to the SFU", () => {
  it(
    "is sent after a while when the device dies, and at once when it leaves",
    marbles((m) => {
      const lines = { alice: "j 200s l", bob: "1s j 30s k", carl: "2s j 60s l" };
      const { alice, sfu } = play(m, lines, { delegated: true });
      m.expect(alice.members$, "^ 3m !").toEmit(
        '0 ""',
        "11ms alice",
        "1.011s alice bob",
        "2.011s alice bob carl",
        "51.002s alice carl",
        "1m2.002s alice",
      );
      m.expect(timer(400_000).pipe(map(() => sfu.leftovers()))).toBe("400s (n|)", { n: nothing });
    }),
  );

  it(
    "is restarted while the device is connected, for hours, also when its page cannot reach the homeserver",
    marbles((m) => {
      const { alice, home } = play(m, { alice: "j 300m l", bob: "1s j 240m l" }, { delegated: true });
      m.cold("10s x").subscribe(() => {
        const fits = ({ userId, request }: { userId: string; request: string }) =>
          userId === "@bob:example.org" && request !== "openid-token";
        home.injectFault(fits, { lose: "request", forMs: 3 * 3_600_000 });
      });
      m.expect(alice.members$, "^ 301m !").toEmit(
        '0 ""',
        "11ms alice",
        "1.011s alice bob",
        "240m1.002s alice",
        '300m0.002s ""',
      );
    }),
  );
});
