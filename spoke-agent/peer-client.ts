import { isIPv4, isIPv6 } from 'node:net';
import { createSecureContext } from 'node:tls';
import { ChannelCredentials, Client } from '@grpc/grpc-js';
import { PortolanError } from '../src/errors/error.ts';
import { type AgentCertificate, readAgentCertificate } from '../src/identity/certificate.ts';
import { KEEPALIVE } from '../src/protocol/mutual-tls.ts';
import type { PeersPart } from '../src/protocol/snapshot.ts';
import type { IdentityFile } from './identity-files.ts';

/** A peer as the snapshot lists it. */
export type PeerEntry = PeersPart['peers'][number];

/** Largest message a peer takes, octets: the votes of some 100,000 targets. */
export const MAX_PEER_MESSAGE_OCTETS = 16 * 1024 * 1024;
/** Stands in for a host name in TLS; the identity that counts is the SPIFFE one. */
const PEER_SERVER_NAME = 'agent.portolan.internal';

/** True when this certificate, whose chain TLS has checked, is that of the listed peer and not of an earlier generation. */
export function isPeer(certificate: AgentCertificate, peer: PeerEntry, hubUid: string): boolean {
  return (
    certificate.principal.hubUid === hubUid &&
    certificate.principal.agentUid === peer.agentUid &&
    certificate.generation === peer.generation
  );
}

export function samePeer(a: PeerEntry, b: PeerEntry): boolean {
  return (
    a.agentUid === b.agentUid &&
    a.address === b.address &&
    a.generation === b.generation &&
    a.cluster === b.cluster &&
    a.failureDomain === b.failureDomain
  );
}

/**
 * `host:port` as a gRPC target with its scheme named, so that no text is taken for `unix:` or another resolver.
 * @throws PortolanError CONFIG_INVALID
 */
export function dialTarget(address: string): string {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const ipv6 = match?.[1];
  const host = match?.[2];
  if (port >= 1 && port <= 65_535) {
    if (ipv6 !== undefined && isIPv6(ipv6)) return `ipv6:[${ipv6}]:${port}`;
    if (host !== undefined) return isIPv4(host) ? `ipv4:${host}:${port}` : `dns:${host}:${port}`;
  }
  throw new PortolanError('CONFIG_INVALID', `${JSON.stringify(address.slice(0, 100))} is no host:port`, {
    fix: 'Correct --peer-advertise of that agent.',
  });
}

/** A channel to this peer and to nobody else who may be at its address. */
export function peerClient(peer: PeerEntry, own: IdentityFile): Client {
  const context = createSecureContext({
    ca: own.caPem,
    cert: own.certificateChainPem,
    key: own.privateKeyPem,
    minVersion: 'TLSv1.3',
  });
  const credentials = ChannelCredentials.createFromSecureContext(context, {
    // The chain to our CA is checked by TLS before; this says that it is the very agent we meant to reach.
    checkServerIdentity(_, shown) {
      const certificate = readAgentCertificate(shown.raw);
      if (certificate !== undefined && isPeer(certificate, peer, own.hubUid)) return undefined;
      return new Error(`the server is not agent ${peer.agentUid} of generation ${peer.generation}`);
    },
  });
  return new Client(dialTarget(peer.address), credentials, {
    ...KEEPALIVE,
    'grpc.ssl_target_name_override': PEER_SERVER_NAME,
    'grpc.default_authority': PEER_SERVER_NAME,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': MAX_PEER_MESSAGE_OCTETS,
  });
}
