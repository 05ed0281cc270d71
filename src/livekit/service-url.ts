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
  urlFault(value, ["https:"], ["http:"], rules);

/** Why we do not connect to the URL of an SFU, or undefined if we do. livekit-client reads `https:` as `wss:`. */
export const sfuUrlFault = (value: unknown, rules: AddressRules): string | undefined =>
  urlFault(value, ["wss:", "https:"], ["ws:", "http:"], rules);

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

type Schemes = readonly string[];

function urlFault(value: unknown, secure: Schemes, insecure: Schemes, rules: AddressRules): string | undefined {
  const { isOwn, allowInsecure } = rules;
  if (!isString(value) || value === "") return "is missing";
  if (value.length > maxUrlLength) return `is longer than ${maxUrlLength} characters`;
  if (!URL.canParse(value)) return "is no URL";
  const { protocol, hostname, username, password, href } = new URL(value);
  // The URL parser leaves out the "@" of an empty user name.
  if (username !== "" || password !== "" || countOf("@", href) < countOf("@", value)) return "contains credentials";
  if (!secure.includes(protocol) && !insecure.includes(protocol)) return `has the scheme ${shortened(protocol)}`;
  const isLoopback = isLoopbackHost(hostname);
  if (insecure.includes(protocol) && !allowInsecure && !(isOwn && isLoopback)) return `has the scheme ${protocol}`;
  if (isOwn) return undefined;
  // An empty query or fragment is one too: a path that follows it would be a part of it.
  if (value.includes("?") || value.includes("#")) return "has a query or a fragment";
  if (!allowInsecure && isPrivateHost(hostname)) return "is in a private network, or on this machine";
  return undefined;
}

const countOf = (char: string, text: string): number => text.split(char).length - 1;

const shortened = (protocol: string): string => (protocol.length > 32 ? `${protocol.slice(0, 32)}…` : protocol);

const isLoopbackHost = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || ipv4Of(host)?.[0] === 127;

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

/** Whether a host is not one of the public internet. A public name may still resolve to a private address. */
function isPrivateHost(hostname: string): boolean {
  const host = withoutEnd(hostname, ".");
  const ipv4 = ipv4Of(host);
  if (ipv4) return isPrivateIpv4(ipv4);
  if (host.startsWith("[")) return isPrivateIpv6(groupsOf(host));
  return !host.includes(".") || localSuffixes.some((suffix) => host.endsWith(suffix));
}

/** The URL parser has turned every spelling of an IPv4 address into four decimal numbers. */
function ipv4Of(host: string): readonly number[] | undefined {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) ? host.split(".").map(Number) : undefined;
}

/**
 * This network, private, shared, loopback, link-local, protocol assignments, documents, benchmarks, multicast, reserved.
 * RFC 6890.
 */
function isPrivateIpv4([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return true;
  if (a === 100) return b >= 64 && b < 128;
  if (a === 169) return b === 254;
  if (a === 172) return b >= 16 && b < 32;
  if (a === 192) return b === 168 || (b === 0 && (c === 0 || c === 2));
  if (a === 198) return b === 18 || b === 19 || (b === 51 && c === 100);
  return a === 203 && b === 0 && c === 113;
}

/** The eight groups of an IPv6 address as the URL parser writes it. */
function groupsOf(host: string): readonly number[] {
  const [head = "", tail] = host.slice(1, -1).split("::");
  const numbers = (part: string) => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

/**
 * The public internet uses 2000::/3 alone. In it, 2001::/23 is for protocols and benchmarks, and 2001:db8::/32 and 3fff::/20
 * are for documents. An address that contains an IPv4 one is as private as that. RFC 6890, RFC 9637.
 */
function isPrivateIpv6(groups: readonly number[]): boolean {
  const [first = 0, second = 0] = groups;
  const [high = 0, low = 0] = groups.slice(6);
  if (ipv4Prefixes.some((prefix) => prefix.every((group, at) => groups[at] === group)))
    return isPrivateIpv4([high >> 8, high & 255, low >> 8, low & 255]);
  if (first === 0x2002) return isPrivateIpv4([second >> 8, second & 255, (groups[2] ?? 0) >> 8]);
  if (first === 0x2001) return second < 0x200 || second === 0xdb8;
  return (first & 0xe000) !== 0x2000 || (first === 0x3fff && second < 0x1000);
}

/** How an address begins that ends with an IPv4 one: IPv4-compatible, mapped, translated, NAT64. */
const ipv4Prefixes: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0xffff, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
];
