import { describe, expect, it } from "vitest";
import { hashOf, participantIdentity } from "../../src/membership/identity.ts";

describe("The hash of a list (6.1, 12.1)", () => {
  it.each([
    ["V1", ["!roomid:example.com", "slot1234"], "O8437W3+jmzMVjoIP3tNwbm+XxHQk2iKpOA7aqw3qSc"],
    ["V2", ["!roomid:example.com", "slot123", "random123"], "IMeDd+K3MIqJTI20EXBIrepKkhhORvf3q8fx3rlrhTk"],
    ["V3", ["@alice:example.com", "DEVICE123", "memberABC"], "J+T45tGruxc+HrUOqJJlyQSV33m728Cme4+vt8/SWrU"],
    [
      "V4",
      ["@bob:example.org", "PHONEXYZ", "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11"],
      "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk",
    ],
    ["V5", ["@zoë:example.org", "DEV-Ω", 'id "q" \\ 💧'], "rCRenzEzUn/GiEOpBN1NrRD/E1pO5RW+MQwppxIv9wg"],
    ["V6", ["!kitchen:example.org", "m.call#ROOM"], "0F0AHVM3zuFgQRib6BxN2Fq83Yex8MEF0hSPvSXQ2wE"],
    ["the trap for Go", ["@x:example.org", "A&B<1>", "m"], "Shx12DERy58OUzXbAEY+0chOW64j8t5D5comoAtmSUo"],
  ])("equals vector %s", (_, list, hash) => expect(hashOf(list)).toBe(hash));
});

describe("The LiveKit identity of a member", () => {
  it("is a hash for a sticky member (V4)", () => {
    expect(participantIdentity("sticky", "@bob:example.org", "PHONEXYZ", "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11")).toBe(
      "/OWG95Nu9KLA84En3UdxxB0togOVuO0qBPur/W1cuAk",
    );
  });

  it("is user and device for a state member, whatever its member id", () => {
    expect(participantIdentity("state", "@alice:example.org", "ABCDEF", "any")).toBe("@alice:example.org:ABCDEF");
  });
});
