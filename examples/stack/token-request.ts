// TokenRequest: reads the bodies of requests to the authorisation service. As strict as the real one: no unknown fields.

export class MatrixError extends Error {
  readonly status: number;
  readonly errcode: string;
  constructor(status: number, errcode: string, message: string) {
    super(message);
    this.status = status;
    this.errcode = errcode;
  }
}

type Shape = { readonly [name: string]: "string" | "integer" | Shape };
type Shaped<S extends Shape> = {
  [N in keyof S]?: S[N] extends Shape ? Shaped<S[N]> : S[N] extends "string" ? string : number;
};

/** The id becomes part of a path. */
const delayIdPattern = /^[A-Za-z0-9_-]{1,255}$/;
const maxTimeoutMs = 24 * 3_600_000;

const shared = {
  openid_token: {
    access_token: "string",
    token_type: "string",
    matrix_server_name: "string",
    expires_in: "integer",
  },
  delay_id: "string",
  delay_timeout: "integer",
  // Accepted and not used: the service asks the homeserver of the user.
  delay_cs_api_url: "string",
} as const;
const legacyShape = { room: "string", device_id: "string", ...shared } as const;
const memberShape = { id: "string", claimed_user_id: "string", claimed_device_id: "string" } as const;
const tokenShape = { room_id: "string", slot_id: "string", member: memberShape, ...shared } as const;

export interface OpenIdToken {
  accessToken: string;
  serverName: string;
}

/** A delayed leave that the client delegates to the service. */
export interface DelayedLeave {
  delayId: string;
  timeoutMs: number;
}

export interface TokenRequest {
  roomId: string;
  slotId: string;
  openId: OpenIdToken;
  deviceId: string;
  /** Absent in the legacy form. */
  member?: { id: string; userId: string };
  leave?: DelayedLeave;
}

/** `POST /sfu/get` */
export function readLegacyRequest(body: string): TokenRequest {
  const { room, device_id, ...rest } = parse(body, legacyShape);
  return {
    roomId: required(room, "room"),
    slotId: "m.call#ROOM",
    deviceId: deviceIdIn(device_id, "device_id"),
    ...readShared(rest),
  };
}

/** `POST /get_token` */
export function readTokenRequest(body: string): TokenRequest {
  const { room_id, slot_id, member, ...rest } = parse(body, tokenShape);
  return {
    roomId: required(room_id, "room_id"),
    slotId: required(slot_id, "slot_id"),
    deviceId: deviceIdIn(member?.claimed_device_id, "member.claimed_device_id"),
    member: {
      id: required(member?.id, "member.id"),
      userId: required(member?.claimed_user_id, "member.claimed_user_id"),
    },
    ...readShared(rest),
  };
}

/** `POST /delegate_delayed_leave` */
export function readDelegation(body: string): TokenRequest & { leave: DelayedLeave } {
  const { leave, ...request } = readTokenRequest(body);
  return { ...request, leave: required(leave, "delay_id") };
}

function readShared({ openid_token, delay_id, delay_timeout }: Shaped<typeof shared>) {
  const openId = {
    accessToken: required(openid_token?.access_token, "openid_token.access_token"),
    serverName: required(openid_token?.matrix_server_name, "openid_token.matrix_server_name"),
  };
  if (delay_id === undefined && delay_timeout === undefined) return { openId };
  const timeoutMs = required(delay_timeout, "delay_timeout");
  if (timeoutMs <= 0 || timeoutMs > maxTimeoutMs)
    throw new MatrixError(400, "M_BAD_JSON", "delay_timeout must be positive and a day at most");
  const delayId = required(delay_id, "delay_id");
  if (!delayIdPattern.test(delayId)) throw new MatrixError(400, "M_BAD_JSON", "delay_id has other characters than ids");
  return { openId, leave: { delayId, timeoutMs } };
}

/** A colon would make the legacy identity, user:device, ambiguous. */
function deviceIdIn(value: string | undefined, name: string): string {
  const deviceId = required(value, name);
  if (deviceId.includes(":")) throw new MatrixError(400, "M_BAD_JSON", `${name} must not contain a colon`);
  return deviceId;
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined || value === "") throw new MatrixError(400, "M_BAD_JSON", `Missing ${name}`);
  return value;
}

function parse<S extends Shape>(body: string, shape: S): Shaped<S> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw notJson("The body is not JSON");
  }
  if (!fits(value, shape)) throw notJson("The body has an unknown field or a field of the wrong type");
  return value;
}

const notJson = (why: string) => new MatrixError(400, "M_NOT_JSON", why);

function fits<S extends Shape>(value: unknown, shape: S): value is Shaped<S> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, part]: [string, unknown]) => {
    const wanted = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (wanted === undefined) return false;
    if (wanted === "string") return typeof part === "string";
    if (wanted === "integer") return Number.isSafeInteger(part);
    return fits(part, wanted);
  });
}
