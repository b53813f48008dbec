import { PortolanError } from '../../src/errors/error.ts';
import type { AgentStatus, Hello } from '../../src/protocol/generated/portolan_pb.js';
import { isHostPort } from '../../src/protocol/host-port.ts';

/** What an agent says of itself is passed on to every other agent and to people: it is short, and addresses are addresses. */
const MAX_TEXT = 128;
const MAX_NAME_SERVERS = 32;
const MAX_GATEWAYS = 64;
const MAX_PARTS = 64;
const PART_NAME = /^[A-Za-z]{1,64}$/;
const MAX_PROBLEMS = 100;
const MAX_LISTENER_ID = 600;
const MAX_REASON = 500;

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
  checkGateways(hello.gateways);
  if (hello.snapshotParts.length > MAX_PARTS || !hello.snapshotParts.every((name) => PART_NAME.test(name)))
    throw refused('snapshotParts', `is not at most ${MAX_PARTS} names of letters`);
  const bad = hello.nameServers.find((address) => !isHostPort(address));
  if (bad !== undefined) throw refused('nameServers', `${quoted(bad)} is no host:port`);
}

/** What people and the API are shown. @throws PortolanError VALIDATION_FAILED */
function checkGateways(gateways: readonly string[]): void {
  if (gateways.length > MAX_GATEWAYS) throw refused('gateways', `lists more than ${MAX_GATEWAYS} addresses`);
  const bad = gateways.find((address) => !isGatewayAddress(address));
  if (bad !== undefined) throw refused('gateways', `${quoted(bad)} is no scheme://host:port`);
}

function isGatewayAddress(address: string): boolean {
  const match = /^(?:http|https|tls):\/\/(.+)$/.exec(address);
  return match?.[1] !== undefined && isHostPort(match[1]);
}

/** Parts of a snapshot that every release reads, also one that does not say what it reads (I12). */
const ALWAYS_READ = ['routing', 'probes', 'peers', 'dns'];

/** Names of the parts that a snapshot for this agent may have. */
export function snapshotPartsOf({ snapshotParts }: Pick<Hello, 'snapshotParts'>): readonly string[] {
  return snapshotParts.length === 0 ? ALWAYS_READ : snapshotParts;
}

/** What an AgentStatus says of gateways, as far as it can be shown: the rest of it is believed or dropped in silence. */
export function gatewaysIn({
  gateways,
  gatewayProblems,
}: Pick<AgentStatus, 'gateways' | 'gatewayProblems'>): {
  readonly gateways: readonly string[];
  readonly gatewayProblems: Readonly<Record<string, string>>;
} {
  const listeners = Object.entries(gatewayProblems).slice(0, MAX_PROBLEMS);
  return {
    gateways: gateways.slice(0, MAX_GATEWAYS).filter(isGatewayAddress),
    gatewayProblems: Object.fromEntries(
      listeners
        .filter(([id]) => id.length <= MAX_LISTENER_ID)
        .map(([id, reason]) => [id, reason.slice(0, MAX_REASON)]),
    ),
  };
}

function refused(field: string, why: string): PortolanError {
  return new PortolanError('VALIDATION_FAILED', `Hello: ${field} ${why}`, {
    fix: 'Correct dns.advertise or peer.advertise of the agent.',
  });
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));
