import { parseIpv4, parseIpv6 } from '../dns/address.ts';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
/** A host called so would be read by gRPC as a scheme, such as a Unix socket of the agent that dials. */
const GRPC_SCHEMES: ReadonlySet<string> = new Set([
  'dns',
  'ipv4',
  'ipv6',
  'unix',
  'unix-abstract',
  'vsock',
  'xds',
  'http',
  'https',
]);

/**
 * Whether others can dial `text` as it stands: `192.0.2.1:53`, `[2001:db8::1]:53` or `agent.example:7463`, with a port from
 * 1 to 65535. The agent refuses to advertise anything else, and the hub to pass it on.
 */
export function isHostPort(text: string): boolean {
  if (text.length > 262) return false;
  const [, ipv6, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= 65_535)) return false;
  if (ipv6 !== undefined) return parseIpv6(ipv6) !== undefined;
  if (plain === undefined || GRPC_SCHEMES.has(plain.toLowerCase())) return false;
  return (
    parseIpv4(plain) !== undefined ||
    plain
      .replace(/\.$/, '')
      .split('.')
      .every((label) => LABEL.test(label))
  );
}
