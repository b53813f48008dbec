import { constants, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type DetailedPeerCertificate,
  type SecureContext,
  type Server,
  TLSSocket,
} from 'node:tls';
import { messageOf } from '../../src/errors/error.ts';
import type { CompiledListener, GatewayPart, GatewayPort, GatewaySecrets } from '../../src/policy/model.ts';
import { readClientHello } from '../front/client-hello.ts';
import { readOpening } from '../front/opening.ts';
import type { ConnectionTls } from '../request.ts';
import { AlpnChallenges } from './alpn-challenges.ts';
import {
  type Certificate,
  certificateCovers,
  type ReadCertificate,
  readBundle,
  readCertificate,
} from './certificate.ts';
import { CertificateChoice } from './choice.ts';
import type { FileCertificate, TlsAccepted, TlsContexts, TlsProblems } from './contract.ts';
import { Recent } from './recent.ts';
import { ServerNames } from './server-names.ts';

/** A context is 38 kB and 0.2 ms: built when first asked for, and the recent ones kept. */
const CONTEXTS_KEPT = 1000;
const ALPN = ['h2', 'http/1.1'];
/** Forward secrecy and authenticated encryption only (RFC 9325 §4.2; HTTP/2 refuses the others, RFC 9113 appendix A). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
const NO_CHAIN: readonly Uint8Array[] = [];

const COMMON = {
  minVersion: 'TLSv1.2',
  ciphers: CIPHERS,
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

interface ClientCa {
  readonly mode: 'require' | 'request';
  readonly certificates: readonly string[];
  readonly digest: string;
}

/** A listener as handshakes see it. */
interface Terminator {
  readonly id: string;
  /** At least one. */
  readonly choice: CertificateChoice;
  /** Of all its certificates. */
  readonly digest: string;
  readonly clientCa: ClientCa | undefined;
}

/** TLS of one port. */
interface TerminatedPort {
  readonly names: ServerNames<Terminator>;
  /** Client certificates are asked for on the whole port: the request goes out before the server name chooses a listener. */
  readonly asks: boolean;
  /** Every listener demands them, so the handshake itself can fail. */
  readonly demands: boolean;
  /** Of all that it can show. */
  readonly digest: string;
  /** Made with the first connection. Does not listen: connections are handed to it. */
  server: Server | undefined;
}

/** A handshake that goes on. */
interface Handshake {
  secure(socket: TLSSocket): void;
  refuse(reason: string): void;
}

/** What was read of a pair; reading takes a millisecond, and most of a configuration is what it was before. */
interface KnownPair {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly read: ReadCertificate;
}

const NO_CHALLENGES = new AlpnChallenges({});

/** @param wallMs which certificates are valid; default: the machine's clock */
export function createTlsContexts(wallMs: () => number = Date.now): TlsContexts {
  const contexts = new Recent<SecureContext>(CONTEXTS_KEPT);
  let ports: ReadonlyMap<number, TerminatedPort> = new Map();
  let current: { readonly part: GatewayPart; readonly secrets: GatewaySecrets } | undefined;
  let given: readonly FileCertificate[] = [];
  let files: readonly Certificate[] = [];
  let fileNames = new ServerNames<Certificate>();
  let ticketKeys: Buffer | undefined;
  let challenges = NO_CHALLENGES;
  let pairs: ReadonlyMap<string, KnownPair> = new Map();
  const handshakes = new Map<string, Handshake>();
  /** Of the last time that anything was built. */
  let problems: TlsProblems | undefined;

  const build = (): TlsProblems => {
    const certificates = new Map<string, string>();
    const listeners = new Map<string, string>();
    const waiting = new Map<string, string>();
    const taken = new Map<string, KnownPair>();
    const take = (name: string, certificatePem: string, keyPem: string): readonly Certificate[] => {
      const known = pairs.get(name);
      const same = known?.certificatePem === certificatePem && known.keyPem === keyPem;
      const read = same ? known.read : readCertificate(certificatePem, keyPem);
      taken.set(name, { certificatePem, keyPem, read });
      if (read.usable) return [read.certificate];
      certificates.set(name, read.reason);
      return [];
    };
    files = given.flatMap(({ name, certificatePem, keyPem }) => take(name, certificatePem, keyPem));
    fileNames = new ServerNames();
    for (const file of files) for (const name of file.names) fileNames.add(name, file);

    const { part, secrets } = current ?? { part: undefined, secrets: undefined };
    const usable = new Map<string, readonly Certificate[]>();
    const certificatesOf = (id: string): readonly Certificate[] => {
      const known = usable.get(id);
      if (known !== undefined) return known;
      const pair = secrets?.certificates[id];
      if (pair === undefined) certificates.set(id, 'it is not there');
      const read = pair === undefined ? [] : take(id, pair.certificatePem, pair.keyPem);
      usable.set(id, read);
      return read;
    };
    const setOf = (name: string): readonly string[] | undefined =>
      Object.hasOwn(secrets?.sets ?? {}, name) ? secrets?.sets?.[name] : undefined;
    const groupOf = (name: string): readonly Certificate[] =>
      setOf(name)?.flatMap(certificatesOf) ?? certificatesOf(name);
    const bundles = new Map<string, readonly string[]>();
    const terminatorOf = (listener: CompiledListener): Terminator | undefined => {
      const { id, tls, hostname } = listener;
      const refuse = (reason: string): undefined => void listeners.set(id, reason);
      if (tls === undefined) return refuse('it has no TLS settings');
      const groups = tls.certificates.map((name) => groupOf(name));
      const named = groups.flat();
      const fromFiles = named.length > 0 ? [] : files.filter((file) => fileServes(file, hostname));
      if (named.length + fromFiles.length === 0) {
        const unissued = tls.certificates.find((name) => setOf(name)?.length === 0);
        if (unissued !== undefined) {
          waiting.set(id, `waiting for the first certificate of ${unissued}`);
          return undefined;
        }
        const ids = tls.certificates.flatMap((name) => setOf(name) ?? [name]);
        const reasons = ids.map((name) => `${name}: ${certificates.get(name) ?? 'unknown'}`);
        return refuse(`no certificate can be used (${reasons.join('; ') || 'none is named'})`);
      }
      let clientCa: ClientCa | undefined;
      if (tls.clientCa !== undefined) {
        try {
          const trusted = tls.clientCa.bundles.flatMap((name) => bundleOf(name, secrets, bundles));
          const digest = createHash('sha256').update(trusted.join('\n')).digest('hex');
          clientCa = { mode: tls.clientCa.mode, certificates: trusted, digest };
        } catch (thrown) {
          // Never without what it demands of clients.
          return refuse(`client certificates cannot be verified: ${messageOf(thrown)}`);
        }
      }
      const digest = [...named, ...fromFiles].map((one) => one.digest).join(' ');
      return { id, choice: new CertificateChoice([...groups, fromFiles]), digest, clientCa };
    };
    ports = new Map(
      (part?.ports ?? []).flatMap((port): readonly (readonly [number, TerminatedPort])[] =>
        port.protocol === 'https' ? [[port.port, terminatedPort(port, terminatorOf)]] : [],
      ),
    );
    pairs = taken;
    const answers = secrets?.challenges?.tlsAlpn;
    challenges = answers === undefined ? NO_CHALLENGES : new AlpnChallenges(answers);
    for (const [name, reason] of challenges.problems()) certificates.set(name, reason);
    return { listeners, waiting, certificates };
  };

  const certificateFor = (terminator: Terminator, host: string | undefined): Certificate | undefined => {
    const { choice } = terminator;
    if (host === undefined) return choice.fallback(wallMs());
    const file = files.length === 0 ? undefined : fileNames.find(host);
    if (file !== undefined && certificateCovers(file.names, host)) return file;
    return choice.find(host, wallMs()) ?? choice.fallback(wallMs());
  };

  const contextOf = (terminator: Terminator, certificate: Certificate): SecureContext => {
    const { clientCa } = terminator;
    return contexts.getOrMake(`${certificate.digest} ${clientCa?.digest ?? ''}`, () =>
      createSecureContext({ ...COMMON, ...materialOf(certificate, clientCa) }),
    );
  };

  const serverOf = (number: number, port: TerminatedPort): Server | undefined => {
    if (port.server !== undefined) return port.server;
    const { names, asks, demands } = port;
    const terminator = names.unnamed;
    const certificate = terminator === undefined ? undefined : certificateFor(terminator, undefined);
    if (terminator === undefined || certificate === undefined) return undefined;
    const server = createServer({
      ...COMMON,
      ...materialOf(certificate, terminator.clientCa),
      ALPNProtocols: ALPN,
      requestCert: asks,
      rejectUnauthorized: demands,
      // What a handshake begins with decides about resumption, before any server name is looked at. So sessions of one port mean
      // nothing to another, and none is resumed where clients show certificates: a session taken along would pass as verified
      // under the name of another listener. Nor does one outlive the certificates of its port: who resumes is not shown the new one.
      sessionIdContext: createHash('sha256')
        .update(`portolan ${number} ${asks} ${port.digest} ${files.map(({ digest }) => digest).join(' ')}`)
        .digest('hex')
        .slice(0, 32),
      secureOptions: COMMON.secureOptions | (asks ? constants.SSL_OP_NO_TICKET : 0),
      ...(ticketKeys === undefined || asks ? {} : { ticketKeys }),
      SNICallback(this: unknown, name, done) {
        const host = hostOf(name);
        const found = names.find(host);
        const shown = found === undefined ? undefined : certificateFor(found, host);
        if (found === undefined || shown === undefined) {
          const reason = 'no listener has this server name';
          // Closed before the error comes back, and then nobody knows any more whose it was.
          if (this instanceof TLSSocket) handshakes.get(peerOf(number, this))?.refuse(reason);
          else done(new Error(reason));
          return;
        }
        try {
          done(null, contextOf(found, shown));
        } catch (thrown) {
          done(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
        }
      },
    });
    server.on('secureConnection', (tls) => {
      const handshake = handshakes.get(peerOf(number, tls));
      if (handshake === undefined) tls.destroy();
      else handshake.secure(tls);
    });
    server.on('tlsClientError', (error, tls) => {
      handshakes.get(peerOf(number, tls))?.refuse(messageOf(error));
    });
    port.server = server;
    return server;
  };

  return {
    configure(part, secrets) {
      const before = current;
      current = { part, secrets };
      if (problems === undefined || before?.secrets !== secrets || !isSameTls(part, before.part))
        problems = build();
      return problems;
    },

    setFiles(next) {
      given = next;
      problems = build();
      return problems;
    },

    setTicketKeys(keys) {
      ticketKeys = Buffer.from(keys);
      for (const port of ports.values()) port.server?.setTicketKeys(ticketKeys);
    },

    accept(socket, number, handshakeMs, accepted) {
      if (challenges.none) terminate(socket, number, handshakeMs, accepted);
      else lookInto(socket, number, handshakeMs, accepted);
    },
  };

  /** While challenges are to be answered, who asks for them has to be told from who comes to stay before TLS begins. */
  function lookInto(socket: Socket, number: number, handshakeMs: number, accepted: TlsAccepted): void {
    const current = challenges;
    let asked: Server | undefined;
    const gone = (): void => accepted.refused('the connection ended before the handshake');
    socket.once('close', gone);
    readOpening(
      socket,
      handshakeMs,
      (delayMs, task) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
      (octets) => {
        const hello = readClientHello(octets);
        if (hello.type === 'incomplete') return undefined;
        if (ports.has(number)) asked = current.serverFor(hello);
        return 0;
      },
      () => {
        socket.off('close', gone);
        if (asked === undefined) {
          terminate(socket, number, handshakeMs, accepted);
          return;
        }
        const timer = setTimeout(() => socket.destroy(), handshakeMs);
        socket.once('close', () => {
          clearTimeout(timer);
          accepted.refused('it asked for an ACME challenge');
        });
        asked.emit('connection', socket);
      },
    );
  }

  function terminate(socket: Socket, number: number, handshakeMs: number, accepted: TlsAccepted): void {
    // What holds when the connection comes holds for it to the end.
    const port = ports.get(number);
    const server = port === undefined ? undefined : serverOf(number, port);
    if (port === undefined || server === undefined) {
      socket.destroy();
      accepted.refused('no listener of the port can be served');
      return;
    }
    const peer = peerOf(number, socket);
    const settle = (): void => {
      if (handshakes.get(peer) === handshake) handshakes.delete(peer);
      clearTimeout(timer);
      socket.off('close', onClose);
    };
    const handshake: Handshake = {
      secure(tls) {
        const serverName = serverNameOf(tls);
        const chosen = serverName === undefined ? port.names.unnamed : port.names.find(serverName);
        if (chosen?.clientCa?.mode === 'require' && !tls.authorized) {
          const shown = tls.getPeerX509Certificate() !== undefined;
          const why = shown ? String(tls.authorizationError) : 'none was shown';
          handshake.refuse(`the client certificate is refused: ${why}`);
          return;
        }
        // A listener that asks for none trusts none, although another one of the port made the handshake ask.
        const verified = chosen?.clientCa !== undefined && tls.authorized;
        settle();
        accepted.secure(tls, connectionOf(tls, serverName, verified));
      },
      refuse(reason) {
        settle();
        socket.destroy();
        accepted.refused(reason);
      },
    };
    const onClose = (): void => handshake.refuse('the connection ended in the handshake');
    const timer = setTimeout(() => handshake.refuse('the handshake took too long'), handshakeMs);
    handshakes.set(peer, handshake);
    socket.once('close', onClose);
    server.emit('connection', socket);
  }
}

/** Nothing that handshakes look at is otherwise: most changes of a configuration are of its routes. */
function isSameTls(part: GatewayPart, before: GatewayPart): boolean {
  if (part.ports === before.ports) return true;
  const terminating = ({ ports }: GatewayPart) => ports.filter(({ protocol }) => protocol === 'https');
  const now = terminating(part);
  const then = terminating(before);
  return (
    now.length === then.length &&
    now.every((port, at) => {
      const other = then[at];
      return (
        port === other || (port.port === other?.port && isSameListeners(port.listeners, other.listeners))
      );
    })
  );
}

function isSameListeners(now: readonly CompiledListener[], then: readonly CompiledListener[]): boolean {
  return (
    now.length === then.length &&
    now.every((listener, at) => {
      const other = then[at];
      if (listener === other) return true;
      if (listener.id !== other?.id || listener.hostname !== other.hostname) return false;
      return JSON.stringify(listener.tls) === JSON.stringify(other.tls);
    })
  );
}

function terminatedPort(
  port: GatewayPort,
  terminatorOf: (listener: CompiledListener) => Terminator | undefined,
): TerminatedPort {
  const names = new ServerNames<Terminator>();
  const terminators: Terminator[] = [];
  for (const listener of port.listeners) {
    const terminator = terminatorOf(listener);
    if (terminator === undefined) continue;
    names.add(listener.hostname, terminator);
    terminators.push(terminator);
  }
  return {
    server: undefined,
    names,
    asks: terminators.some(({ clientCa }) => clientCa !== undefined),
    digest: terminators.map(({ digest }) => digest).join(' '),
    demands: terminators.length > 0 && terminators.every(({ clientCa }) => clientCa?.mode === 'require'),
  };
}

function bundleOf(
  name: string,
  secrets: GatewaySecrets | undefined,
  known: Map<string, readonly string[]>,
): readonly string[] {
  const before = known.get(name);
  if (before !== undefined) return before;
  const pem = secrets?.bundles[name];
  if (pem === undefined) throw new Error(`${name} is not there`);
  const read = readBundle(pem);
  known.set(name, read);
  return read;
}

/** A file that may stand in for a listener whose own certificates cannot be used, or that names none. */
function fileServes({ names }: Certificate, hostname: string | undefined): boolean {
  return hostname === undefined || names.includes(hostname) || certificateCovers(names, hostname);
}

function materialOf(certificate: Certificate, clientCa: ClientCa | undefined) {
  return {
    cert: certificate.certificatePem,
    key: certificate.keyPem,
    ...(clientCa === undefined ? {} : { ca: [...clientCa.certificates] }),
  };
}

/** Names a TCP connection: node:tls does not say which one a TLS socket was made of, but both have its other end. */
function peerOf(port: number, { remoteAddress, remotePort }: Socket): string {
  return `${port} ${remoteAddress} ${remotePort}`;
}

function serverNameOf(tls: TLSSocket): string | undefined {
  const name: unknown = 'servername' in tls ? tls.servername : undefined;
  return typeof name === 'string' && name !== '' ? hostOf(name) : undefined;
}

function connectionOf(tls: TLSSocket, serverName: string | undefined, verified: boolean): ConnectionTls {
  let chain: readonly Uint8Array[] | undefined;
  return {
    serverName,
    protocol: tls.getProtocol() ?? '',
    peerChain() {
      chain ??= verified ? chainOf(tls) : NO_CHAIN;
      return chain;
    },
  };
}

function chainOf(tls: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  const leaf: Partial<DetailedPeerCertificate> = tls.getPeerCertificate(true);
  for (let at: Partial<DetailedPeerCertificate> | undefined = leaf; at?.raw !== undefined; ) {
    chain.push(at.raw);
    // The root names itself.
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return chain;
}

function hostOf(serverName: string): string {
  const lower = serverName.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
