import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { certificateFailure } from './certificate-failure.ts';
import { type ProbeRequest, type ProbeRun, ProbeUnable, type ProtocolCheck } from './probe.ts';
import { openTcp } from './tcp.ts';

type TlsRequest = ProbeRequest<ProtocolCheck<'https' | 'tls' | 'grpc'>>;

/** The TLS probe: handshake, chain to a trusted root, and the certificate carries the name. */
export async function probeTls(run: ProbeRun, request: ProbeRequest<ProtocolCheck<'tls'>>): Promise<void> {
  const socket = await openTls(run, request, serverName(request), []);
  // The last message of the handshake must leave before the socket is destroyed, or every probe is an error in the server's log.
  const { promise: sent, resolve } = Promise.withResolvers<void>();
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
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let seen: PeerCertificate | undefined;
  const socket = connect({
    socket: tcp,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    secureContext: contextFor(request.ca),
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

const MAX_CONTEXTS = 64;
const contexts = new Map<string, SecureContext>();

/** Parsing a CA bundle takes milliseconds, so contexts are kept; they hold no sessions. The oldest makes room. */
function contextFor(ca: string | undefined): SecureContext {
  const key = ca ?? '';
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const context = createSecureContext(ca === undefined ? {} : { ca: certificatesOf(ca) });
  const oldest = contexts.keys().next();
  if (contexts.size >= MAX_CONTEXTS && oldest.done === false) contexts.delete(oldest.value);
  contexts.set(key, context);
  return context;
}

/** Node.js skips what it cannot read in a bundle; here it would turn the operator's mistake into the endpoint's failure. */
function certificatesOf(bundle: string): string[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new ProbeUnable('the CA bundle holds no PEM certificate');
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (thrown) {
      throw new ProbeUnable(`certificate ${index + 1} of the CA bundle cannot be read`, { cause: thrown });
    }
  }
  return blocks;
}
