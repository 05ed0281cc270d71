import { describe, expect, it } from "vitest";
import { callRoom } from "../../src/js-sdk/call-room.ts";
import { decodeContent, matrixRoom } from "../../src/room/index.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";

const [owner, guest] = ["@owner:example.org", "@guest:example.org"];

function roomWith({ initial_state, power_level_content_override: override }: ReturnType<typeof callRoom>) {
  const home = virtualHomeserver();
  const roomId = home.createRoom({ members: [owner, guest] });
  const content = { ...override, users: { [owner]: 100 }, users_default: 0 };
  home.setState(roomId, { type: "m.room.power_levels", sender: owner, stateKey: "", content });
  for (const { type, state_key: stateKey, content: of } of initial_state)
    home.setState(roomId, { type, sender: owner, stateKey: stateKey ?? "", content: of });
  return matrixRoom(home.client(guest, "PHONE"), roomId);
}

describe("A new room for calls", () => {
  const room = roomWith(callRoom());
  const may = (userId: string, type: string) => room.permissions$(userId).value.may({ kind: "state", type });

  it("lets everybody be in its call, and moderators open a slot", () => {
    expect(may(guest, "org.matrix.msc3401.call.member")).toBe(true);
    expect(may(guest, "org.matrix.msc4143.rtc.slot")).toBe(false);
    expect(may(owner, "org.matrix.msc4143.rtc.slot")).toBe(true);
  });

  it("keeps the levels of a usual room for everything that protects it", () => {
    const { power_level_content_override: levels } = callRoom();
    const { ok } = decodeContent("m.room.power_levels", levels);
    expect(ok).toMatchObject({ form: "today" });
    for (const type of ["m.room.power_levels", "m.room.encryption", "m.room.history_visibility", "m.room.tombstone"])
      expect(levels.events[type]).toBe(100);
  });

  it("is encrypted by default", () => {
    expect(room.state$("m.room.encryption").value?.algorithm).toBe("m.megolm.v1.aes-sha2");
    expect(callRoom(false).initial_state).toEqual([]);
  });
});
