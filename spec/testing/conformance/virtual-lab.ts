// VirtualLab: the lab on the virtual homeserver, in real time.
import { virtualHomeserver } from "../../../src/testing/index.ts";
import type { Lab, Name } from "./lab.ts";

const userIdOf = (name: Name) => `@${name}:virtual.example`;

export function virtualLab(): Lab {
  const home = virtualHomeserver({
    latencyMs: 2,
    syncMs: 2,
    delayedEvents: { maxDelayMs: 86_400_000, tellsMax: false },
  });
  const device = (name: Name) => home.device(userIdOf(name), `${name}-device`);
  return {
    port: (name) => device(name).matrix,
    async createRoom({ members, encrypted = false, joinRule = "invite", eventLevels = {} }) {
      const powerLevels = { events: { "org.matrix.msc3401.call.member": 0, ...eventLevels } };
      return home.createRoom({ members: members.map(userIdOf), encrypted, joinRule, powerLevels });
    },
    async act(deed, roomId, name) {
      const userId = userIdOf(name);
      if (deed === "join") home.joinRoom(roomId, userId);
      else if (deed === "leave") home.leaveRoom(roomId, userId);
      else home[deed](roomId, userId);
    },
    setPresence: async (name, text) => home.setPresence(userIdOf(name), { presence: "online", status_msg: text }),
    upgrade: async (roomId) => home.upgradeRoom(roomId, "11"),
    state: async (roomId, type) =>
      home
        .state(roomId)
        .filter((event) => event.type === type)
        .map(({ stateKey = "", sender, content }) => ({ stateKey, sender, content })),
  };
}
