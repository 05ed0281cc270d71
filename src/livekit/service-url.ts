// ServiceUrl: the addresses that we are willing to contact. Pure. protocol.md 11, rows 14 and 15.
import { isString } from "../room/json.ts";

/** Which addresses are allowed. */
export interface AddressRules {
  /** Whether our own homeserver or our own configuration named the address. Other members get stricter rules. */
  readonly isOwn: boolean;
  /** Allow plain `http:` and `ws:`, and private addresses, on any host. */
  readonly allowInsecure: boolean;
}

const maxUrlLength = 2_048;

/** Why we do not contact the URL of an authorisation service, or undefined if we do. */
export const serviceUrlFault = (value: unknown, rules: AddressRules): string | undefined =>
  urlFault(value, ["https:"], rules);

/** Why we do not connect to the URL of an SFU, or undefined if we do. livekit-client reads `https:` as `wss:`. */
export const sfuUrlFault = (value: unknown, rules: AddressRules): string | undefined =>
  urlFault(value, ["https:", "wss:"], rules);

/** Whether `value` is the URL of an authorisation service that our own homeserver may name. */
export function isServiceUrl(value: unknown, allowInsecure: boolean): value is string {
  return serviceUrlFault(value, { isOwn: true, allowInsecure }) === undefined;
}

/** A URL without the slashes at its end, so that a path can follow. */
export const withoutEndSlashes = (url: string): string => withoutEnd(url, "/");

/** A text without a character at its end, however often it is there. A regular expression would take quadratic time. */
function withoutEnd(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end -= 1;
  return text.slice(0, end);
}

function urlFault(value: unknown, secure: readonly string[], rules: AddressRules): string | undefined {
  const { isOwn, allowInsecure } = rules;
  if (!isString(value) || value === "") return "is missing";
  if (value.length > maxUrlLength) return `is longer than ${maxUrlLength} characters`;
  if (!URL.canParse(value)) return "is no URL";
  const { protocol, hostname, username, password, href } = new URL(value);
  // The URL parser leaves out the "@" of an empty user name.
  if (username !== "" || password !== "" || countOf("@", href) < countOf("@", value)) return "contains credentials";
  // `http:` is `https:` without its last letter, and `ws:` is `wss:`.
  const isSecure = secure.includes(protocol);
  const isInsecure = secure.includes(protocol.replace(":", "s:"));
  const isAllowed = isSecure || (isInsecure && (allowInsecure || (isOwn && isLoopbackHost(hostname))));
  if (!isAllowed) return `has the scheme ${shortened(protocol)}`;
  if (isOwn) return undefined;
  // An empty query or fragment is one too: a path that follows it would be a part of it.
  if (value.includes("?") || value.includes("#")) return "has a query or a fragment";
  if (!allowInsecure && !isPublicName(hostname)) return "is not a name of the public internet";
  return undefined;
}

const countOf = (char: string, text: string): number => text.split(char).length - 1;

const shortened = (protocol: string): string => (protocol.length > 32 ? `${protocol.slice(0, 32)}…` : protocol);

const isLoopbackHost = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(?:\.\d+){3}$/.test(host);

/** Names that only local resolvers know. RFC 6761, RFC 6762 appendix G, RFC 8375. */
const localSuffixes: readonly string[] = [
  ".local",
  ".localhost",
  ".localdomain",
  ".internal",
  ".intranet",
  ".private",
  ".corp",
  ".home",
  ".home.arpa",
  ".lan",
];

/**
 * Whether a host has a name of the public internet, which may still resolve to a private address. The URL parser has turned
 * every spelling of an IPv4 address into four decimal numbers. An IPv6 address has no dot.
 */
function isPublicName(hostname: string): boolean {
  const host = withoutEnd(hostname, ".");
  return host.includes(".") && !/^[\d.]+$/.test(host) && !localSuffixes.some((suffix) => host.endsWith(suffix));
}
