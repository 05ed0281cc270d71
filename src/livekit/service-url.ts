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

/** A URL without the slashes at its end, so that a path can follow. A regular expression would take quadratic time. */
export function withoutEndSlashes(url: string): string {
  let end = url.length;
  while (end > 0 && url[end - 1] === "/") end -= 1;
  return url.slice(0, end);
}

type Schemes = readonly string[];

function urlFault(value: unknown, secure: Schemes, insecure: Schemes, rules: AddressRules): string | undefined {
  const { isOwn, allowInsecure } = rules;
  if (!isString(value) || value === "") return "is missing";
  if (value.length > maxUrlLength) return `is longer than ${maxUrlLength} characters`;
  if (!URL.canParse(value)) return "is no URL";
  const { protocol, hostname, username, password, search, hash } = new URL(value);
  if (username !== "" || password !== "") return "contains credentials";
  if (!secure.includes(protocol) && !insecure.includes(protocol)) return `has the scheme ${shortened(protocol)}`;
  const isLoopback = isLoopbackHost(hostname);
  if (insecure.includes(protocol) && !allowInsecure && !(isOwn && isLoopback)) return `has the scheme ${protocol}`;
  if (isOwn) return undefined;
  if (search !== "" || hash !== "") return "has a query or a fragment";
  if (!allowInsecure && isPrivateHost(hostname)) return "is in a private network, or on this machine";
  return undefined;
}

const shortened = (protocol: string): string => (protocol.length > 32 ? `${protocol.slice(0, 32)}…` : protocol);

const isLoopbackHost = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || ipv4Of(host)?.[0] === 127;

/** Names that only local resolvers know. */
const localSuffixes: readonly string[] = [".local", ".localhost", ".internal", ".home.arpa"];

/** Whether a host is not one of the public internet. A public name may still resolve to a private address. */
function isPrivateHost(hostname: string): boolean {
  const host = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  const ipv4 = ipv4Of(host);
  if (ipv4) return isPrivateIpv4(ipv4);
  if (host.startsWith("[")) return isPrivateIpv6(groupsOf(host));
  return !host.includes(".") || localSuffixes.some((suffix) => host.endsWith(suffix));
}

/** The URL parser has turned every spelling of an IPv4 address into four decimal numbers. */
function ipv4Of(host: string): readonly number[] | undefined {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) ? host.split(".").map(Number) : undefined;
}

/** This network, private, shared, loopback, link-local, protocol assignments, benchmarks, multicast, reserved. RFC 6890. */
function isPrivateIpv4([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return true;
  if (a === 100) return b >= 64 && b < 128;
  if (a === 169) return b === 254;
  if (a === 172) return b >= 16 && b < 32;
  if (a === 192) return b === 168 || (b === 0 && c === 0);
  return a === 198 && (b === 18 || b === 19);
}

/** The eight groups of an IPv6 address as the URL parser writes it. */
function groupsOf(host: string): readonly number[] {
  const [head = "", tail] = host.slice(1, -1).split("::");
  const numbers = (part: string) => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

/** Unspecified, loopback, unique local, link-local and multicast addresses, and those that contain a private IPv4 one. */
function isPrivateIpv6(groups: readonly number[]): boolean {
  const [first = 0, second = 0] = groups;
  const [high = 0, low = 0] = groups.slice(6);
  const ipv4 = [high >> 8, high & 255, low >> 8, low & 255];
  const leading = groups.findIndex((group) => group !== 0);
  if (leading === -1 || leading >= 6) return isPrivateIpv4(ipv4);
  if (leading === 5 && groups[5] === 0xffff) return isPrivateIpv4(ipv4);
  if (leading === 4 && groups[4] === 0xffff && groups[5] === 0) return isPrivateIpv4(ipv4);
  if (first === 0x64 && second === 0xff9b) return isPrivateIpv4(ipv4);
  if (first === 0x2002) return isPrivateIpv4([second >> 8, second & 255, (groups[2] ?? 0) >> 8]);
  return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80 || (first & 0xff00) === 0xff00;
}
