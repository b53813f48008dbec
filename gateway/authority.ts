import { isIPv6 } from 'node:net';

/** A Host or `:authority` taken apart. */
export interface Authority {
  /** Lower case, without trailing dot; IPv6 in brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::([0-9]{1,5}))?$/;
const KEPT = 1000;
const recent = new Map<string, Authority | undefined>();

/**
 * Reads a Host field or an authority (RFC 9110 §7.2). No userinfo, no percent-encoding, no empty labels: whatever a backend might
 * read as another host is not a host.
 * @returns undefined when it is none
 */
export function parseAuthority(text: string): Authority | undefined {
  const known = recent.get(text);
  if (known !== undefined) return known;
  if (text.length > 300) return undefined;
  const parts = AUTHORITY.exec(text.toLowerCase());
  const host = parts?.[1];
  if (parts === null || host === undefined || host.length > 253) return undefined;
  if (host.startsWith('[') && !isIPv6(host.slice(1, -1))) return undefined;
  const port = parts[2] === undefined ? undefined : Number(parts[2]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const authority = { host, port };
  // Emptied whole: who sends a thousand hosts gains nothing but the cost of one parse each.
  if (recent.size >= KEPT) recent.clear();
  recent.set(text, authority);
  return authority;
}
