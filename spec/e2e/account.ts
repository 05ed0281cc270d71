// Account: a user of the homeserver for pages other than the call app, registered by plain requests.
import { randomBytes } from "node:crypto";

export interface Account {
  readonly homeserver: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
}

export const password = "correct horse battery staple";

/** A unique user name in lower case, as homeservers require. */
export const nameFor = (name: string): string => `${name.toLowerCase()}-${randomBytes(4).toString("hex")}`;

export async function register(homeserver: string, name: string): Promise<Account> {
  const answer = await post(`${homeserver}/_matrix/client/v3/register`, {
    username: nameFor(name),
    password,
    auth: { type: "m.login.dummy" },
  });
  return {
    homeserver,
    userId: String(answer["user_id"]),
    deviceId: String(answer["device_id"]),
    accessToken: String(answer["access_token"]),
  };
}

/** @param via The server that knows the room, if it is another one. */
export async function joinRoom({ homeserver, accessToken }: Account, roomId: string, via?: string): Promise<void> {
  const query = via === undefined ? "" : `?server_name=${encodeURIComponent(via)}&via=${encodeURIComponent(via)}`;
  await post(`${homeserver}/_matrix/client/v3/join/${encodeURIComponent(roomId)}${query}`, {}, accessToken);
}

/** Makes an encrypted room with an open slot, in which everybody may join calls. Without invitations everybody may enter. */
export async function createRoom(
  { homeserver, accessToken }: Account,
  { invite = [] }: { readonly invite?: readonly string[] } = {},
): Promise<string> {
  const slot = {
    status: "open",
    application: { type: "m.call" },
    encryption: { type: "org.matrix.msc4143.per_member" },
  };
  const body = {
    invite,
    ...(invite.length === 0 && { preset: "public_chat" }),
    initial_state: [
      { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } },
      { type: "org.matrix.msc4143.rtc.slot", state_key: "m.call#ROOM", content: slot },
    ],
    power_level_content_override: { events: { "org.matrix.msc3401.call.member": 0 } },
  };
  return String((await post(`${homeserver}/_matrix/client/v3/createRoom`, body, accessToken))["room_id"]);
}

async function post(url: string, body: object, accessToken?: string): Promise<Record<string, unknown>> {
  const headers = {
    "Content-Type": "application/json",
    ...(accessToken && { Authorization: `Bearer ${accessToken}` }),
  };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`the homeserver answered ${response.status} ${String(answer["errcode"])}`);
  return answer;
}
