import { isIP } from 'node:net';
import { PortolanError } from '../../src/errors/error.ts';
import type { Hello } from '../../src/protocol/generated/portolan_pb.js';

/** What an agent says of itself is passed on to every other agent and to people: it is short, and addresses are addresses. */
const MAX_TEXT = 128;
const MAX_NAME_SERVERS = 32;
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
 * Judges a Hello. Peers dial `peerAddress` as it stands, with whatever their gRPC library makes of it.
 * @throws PortolanError VALIDATION_FAILED
 */
export function checkHello(hello: Hello): void {
  for (const field of ['agentVersion', 'incarnation', 'snapshotHash'] as const) {
    if (!/^[\x20-\x7e]*$/.test(hello[field]) || hello[field].length > MAX_TEXT)
      throw refused(field, `is not at most ${MAX_TEXT} printable ASCII characters`);
  }
  if (hello.peerAddress !== '' && !isHostPort(hello.peerAddress))
    throw refused('peerAddress', `${quoted(hello.peerAddress)} is no host:port`);
  if (hello.nameServers.length > MAX_NAME_SERVERS)
    throw refused('nameServers', `lists more than ${MAX_NAME_SERVERS} addresses`);
  const bad = hello.nameServers.find((address) => !isHostPort(address));
  if (bad !== undefined) throw refused('nameServers', `${quoted(bad)} is no host:port`);
}

/** `192.0.2.1:53`, `[2001:db8::1]:53` or `agent.example:7463`. */
function isHostPort(text: string): boolean {
  if (text.length > 262) return false;
  const [, ipv6, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= 65_535)) return false;
  if (ipv6 !== undefined) return isIP(ipv6) === 6;
  if (plain === undefined || GRPC_SCHEMES.has(plain.toLowerCase())) return false;
  return (
    isIP(plain) === 4 ||
    plain
      .replace(/\.$/, '')
      .split('.')
      .every((label) => LABEL.test(label))
  );
}

function refused(field: string, why: string): PortolanError {
  return new PortolanError('VALIDATION_FAILED', `Hello: ${field} ${why}`, {
    fix: 'Correct dns.advertise or peer.advertise of the agent.',
  });
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));
