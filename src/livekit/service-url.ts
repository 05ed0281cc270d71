// ServiceUrl: the addresses that we are willing to contact. protocol.md 11, rows 14 and 15.

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether `value` is the URL of an authorisation service to which we would send an OpenID token. */
export function isServiceUrl(value: unknown, allowInsecure: boolean): value is string {
  return isSafe(value, "https:", "http:", allowInsecure);
}

/** Whether `value` is the URL of an SFU to which we would connect. */
export function isSfuUrl(value: unknown, allowInsecure: boolean): value is string {
  return isSafe(value, "wss:", "ws:", allowInsecure);
}

function isSafe(value: unknown, secure: string, insecure: string, allowInsecure: boolean): value is string {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== "" || password !== "") return false;
  return protocol === secure || (protocol === insecure && (allowInsecure || loopback.test(hostname)));
}
