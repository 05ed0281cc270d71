// Another client connects to the SFU under the identity of a member: the member learns why it was thrown out, and comes back.
import { Room } from "@livekit/rtc-node";
import { startCrew } from "../../node-member/crew.ts";
import { allHear } from "../../node-member/node-member.ts";
import type { MemberSettings } from "../../node-member/report.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { withNodeMembers } from "../node/node-person.ts";

export const scenario: Scenario = {
  name: "90. A second connection under the identity of a member: it says so, and the member comes back",
  run: ({ world: { stack } }) =>
    withNodeMembers(async (own) => {
      const homeservers = [stack.homeserver, stack.homeserver];
      const crew = (await startCrew({ homeservers, mode: "compatibility" })).map(own);
      const [alice, bob] = crew as [(typeof crew)[0], (typeof crew)[0]];
      await Promise.all(crew.map((member) => member.join()));
      await until("both hear each other", async () => allHear(crew, Date.now() - 1_000), 30_000);

      const intruder = new Room();
      const { url, jwt } = await tokenOf(bob.settings, stack.service);
      await intruder.connect(url, jwt);
      const thrownTs = Date.now();
      await until(
        "Bob says that another connection has its identity",
        async () => bob.report.connections[stack.service] === "duplicate-identity",
        10_000,
      );
      const [problem] = bob.report.problems;
      await intruder.disconnect();
      await until(
        "Alice hears Bob again",
        async () => (alice.report.heard[bob.userId]?.lastTs ?? 0) > thrownTs + 5_000,
        60_000,
      );
      return { "the first problem of Bob": problem?.code, "Bob is heard again after ms": Date.now() - thrownTs };
    }),
};

/** Asks the service as the device of the member would. */
async function tokenOf({ homeserver, userId, deviceId, accessToken, roomId }: MemberSettings, service: string) {
  const post = async (address: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`a request for a token was answered with ${response.status}`);
    return response.json();
  };
  const path = `_matrix/client/v3/user/${encodeURIComponent(userId)}/openid/request_token`;
  const openIdToken = await post(`${homeserver}/${path}`, {}, { Authorization: `Bearer ${accessToken}` });
  const answer = await post(`${service}/sfu/get`, { room: roomId, openid_token: openIdToken, device_id: deviceId });
  return answer as { url: string; jwt: string };
}
