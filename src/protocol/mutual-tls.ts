import type { Duplex } from 'node:stream';
import type { DescService } from '@bufbuild/protobuf';
import { type ConnectionInjector, Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { LinkClock } from './clock.ts';
import { type Handlers, serviceDefinition } from './grpc.ts';

/** PEM of one end of a link. */
export interface TlsIdentity {
  /** The only CAs whose certificates are taken. */
  readonly caPem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** A connection as the network hands it over (`net.Socket`). */
interface AcceptedSocket extends Duplex {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Keepalive of every link: a cut network is noticed after at most 1 s + 1.5 s, at both ends. */
export const KEEPALIVE = { 'grpc.keepalive_time_ms': 1_000, 'grpc.keepalive_timeout_ms': 1_500 } as const;

/** An accepted connection on which no call has begun by then is closed: TLS and HTTP/2 take three round trips. */
const IDLE_LIMIT_MS = 10_000;

/** TLS 1.3 where every client must show a certificate of our CA; new connections use the identity set last. */
class MutualTlsCredentials extends ServerCredentials {
  constructor(identity: TlsIdentity) {
    super({ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, contextOf(identity));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  use(identity: TlsIdentity): void {
    this.updateSecureContextOptions(contextOf(identity));
  }
}

/** A gRPC server over sockets that the caller accepts, so that the caller can also close one hard. */
export interface MutualTlsServer {
  accept(socket: AcceptedSocket): void;
  /**
   * The connection of a call, by the `getPeer()` of the call; it is in use from then on. `undefined` when it is gone.
   */
  connectionOf(peer: string): AcceptedSocket | undefined;
  useIdentity(identity: TlsIdentity): void;
  /** Closes every connection at once. */
  close(): void;
}

export function createMutualTlsServer<S extends DescService>(options: {
  readonly service: S;
  readonly handlers: Handlers<S>;
  readonly identity: TlsIdentity;
  readonly clock: Pick<LinkClock, 'after'>;
  readonly channel?: ServerOptions;
}): MutualTlsServer {
  const server = new Server({ ...KEEPALIVE, 'grpc.max_concurrent_streams': 8, ...options.channel });
  server.addService(serviceDefinition(options.service), options.handlers);
  const credentials = new MutualTlsCredentials(options.identity);
  const injector: ConnectionInjector = server.createConnectionInjector(credentials);
  const sockets = new Map<string, { readonly socket: AcceptedSocket; readonly inUse: () => void }>();
  let closed = false;
  return {
    accept(socket) {
      const name = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
      const cancel = options.clock.after(IDLE_LIMIT_MS, () => socket.destroy());
      const entry = { socket, inUse: cancel };
      sockets.set(name, entry);
      socket.on('close', () => {
        cancel();
        if (sockets.get(name) === entry) sockets.delete(name);
      });
      // Resets are the TLS layer's to report; without a listener one would end the process.
      socket.on('error', () => socket.destroy());
      if (closed) socket.destroy();
      else injector.injectConnection(socket);
    },
    connectionOf(peer) {
      const entry = sockets.get(peer);
      entry?.inUse();
      return entry?.socket;
    },
    useIdentity: (identity) => credentials.use(identity),
    close() {
      closed = true;
      for (const { socket } of sockets.values()) socket.destroy();
      injector.destroy();
      server.forceShutdown();
    },
  };
}

function contextOf(identity: TlsIdentity) {
  return { ca: identity.caPem, cert: identity.certificatePem, key: identity.privateKeyPem };
}
