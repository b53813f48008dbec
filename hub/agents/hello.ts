import { PortolanError } from '../../src/errors/error.ts';
import type { Hello } from '../../src/protocol/generated/portolan_pb.js';
import { isHostPort } from '../../src/protocol/host-port.ts';

/** What an agent says of itself is passed on to every other agent and to people: it is short, and addresses are addresses. */
const MAX_TEXT = 128;
const MAX_NAME_SERVERS = 32;

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

function refused(field: string, why: string): PortolanError {
  return new PortolanError('VALIDATION_FAILED', `Hello: ${field} ${why}`, {
    fix: 'Correct dns.advertise or peer.advertise of the agent.',
  });
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));
