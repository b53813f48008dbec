import { isIP, type Socket } from 'node:net';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { deferred } from '../src/async/deferred.ts';
import { certificateFailure } from './certificate-failure.ts';
import type { ProbeRequest, ProbeRun, ProtocolCheck } from './probe.ts';
import { openTcp } from './tcp.ts';
import { trustContext } from './trust.ts';

type TlsRequest = ProbeRequest<ProtocolCheck<'https' | 'tls' | 'grpc'>>;

/** The TLS probe: handshake, chain to a trusted root, and the certificate carries the name. */
export async function probeTls(run: ProbeRun, request: ProbeRequest<ProtocolCheck<'tls'>>): Promise<void> {
  const socket = await openTls(run, request, serverName(request), []);
  // The last message of the handshake must leave before the socket is destroyed, or every probe is an error in the server's log.
  const { promise: sent, resolve } = deferred<void>();
  socket.end(resolve);
  await Promise.race([sent, run.over]);
}

/** SNI and the name the certificate must carry. */
export function serverName(request: TlsRequest, host?: string): string {
  return request.check.serverName ?? host ?? request.defaultHost;
}

/**
 * A verified TLS connection over a TCP connection of its own. Verification is never turned off; a session is never resumed,
 * so every probe sees the certificate.
 * @param name SNI; an IP address is verified but not sent (RFC 6066 section 3).
 */
export async function openTls(
  run: ProbeRun,
  request: TlsRequest,
  name: string,
  alpn: readonly string[],
): Promise<TLSSocket> {
  const tcp = await openTcp(run, request);
  run.waitingFor('no TLS answer');
  return handshake(run, request, tcp, name, alpn);
}

async function handshake(
  run: ProbeRun,
  request: TlsRequest,
  tcp: Socket,
  name: string,
  alpn: readonly string[],
): Promise<TLSSocket> {
  const { promise, resolve, reject } = deferred<void>();
  let seen: PeerCertificate | undefined;
  const socket = connect({
    socket: tcp,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    secureContext: trustContext(request.ca),
    rejectUnauthorized: true,
  });
  run.own(socket);
  // Runs before Node.js verifies and, on a bad certificate, throws the connection away: the only moment to look at it.
  socket.prependListener('secure', () => {
    seen = socket.getPeerCertificate(true);
  });
  socket.on('error', (error) =>
    reject(certificateFailure(error, { address: request.address, name, nowMs: run.io.wallClock(), seen })),
  );
  socket.once('secureConnect', resolve);
  await Promise.race([promise, run.over]);
  return socket;
}
