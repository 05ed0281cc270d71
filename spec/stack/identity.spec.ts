import { describe, expect, test } from "vitest";
import { hash, legacyIdentity, memberIdentity, roomAlias } from "../../examples/stack/identity.ts";

describe("The names in LiveKit", () => {
  test.each([
    [["!roomid:example.com", "slot1234"], "O8437W3+jmzMVjoIP3tNwbm+XxHQk2iKpOA7aqw3qSc"],
    [["!roomid:example.com", "slot123", "random123"], "IMeDd+K3MIqJTI20EXBIrepKkhhORvf3q8fx3rlrhTk"],
    [["@alice:example.com", "DEVICE123", "memberABC"], "J+T45tGruxc+HrUOqJJlyQSV33m728Cme4+vt8/SWrU"],
    [
      ["@bob:example.org", "PHONEXYZ", "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11"],
      "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk",
    ],
    [["@zoë:example.org", "DEV-Ω", 'id "q" \\ 💧'], "rCRenzEzUn/GiEOpBN1NrRD/E1pO5RW+MQwppxIv9wg"],
    [["!kitchen:example.org", "m.call#ROOM"], "0F0AHVM3zuFgQRib6BxN2Fq83Yex8MEF0hSPvSXQ2wE"],
  ])("are the hash of %j", (list, expected) => {
    expect(hash(list)).toBe(expected);
  });

  test("are hashes of room and member, and readable for a legacy member", () => {
    expect(roomAlias("!r:a", "s")).toBe(hash(["!r:a", "s"]));
    expect(memberIdentity("@u:a", "D", "m")).toBe(hash(["@u:a", "D", "m"]));
    expect(legacyIdentity("@alice:example.org", "ABCDEF")).toBe("@alice:example.org:ABCDEF");
  });
});
