import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import type { ConnectionTls } from '../request.ts';

/** A certificate of the agent's own configuration, as PEM; it wins for the names it holds. */
export interface FileCertificate {
  /** As people name it in logs: the file. */
  readonly name: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What a configuration has that cannot be used; the rest is served. */
export interface TlsProblems {
  /** By listener id: no certificate that it names can be used, or its client certificates cannot be verified. */
  readonly listeners: ReadonlyMap<string, string>;
  /** By listener id: nothing is wrong, but what it is to show is not there yet. */
  readonly waiting: ReadonlyMap<string, string>;
  /** By name of the certificate: skipped, why. */
  readonly certificates: ReadonlyMap<string, string>;
}

export interface TlsAccepted {
  /** The handshake is over: `socket.alpnProtocol` is `h2`, `http/1.1` or false (none was asked for). */
  secure(socket: TLSSocket, connection: ConnectionTls): void;
  /** No handshake, a server name that nobody has, or no client certificate where one is demanded; the connection is closed. */
  refused(reason: string): void;
}

/** TLS of all ports of one gateway thread. */
export interface TlsContexts {
  /** From the next handshake on; connections that stand are not touched. */
  configure(part: GatewayPart, secrets: GatewaySecrets): TlsProblems;
  /** Certificates of the agent's own files, from the next handshake on. What `configure` said may change with them. */
  setFiles(files: readonly FileCertificate[]): TlsProblems;
  /** 48 octets, the same in all threads: a client may resume at any of them. Older tickets lead to a full handshake. */
  setTicketKeys(keys: Uint8Array): void;
  /**
   * Speaks TLS on an accepted connection of this port (as the Gateway says it), after a PROXY header was taken off.
   * Exactly one of the two is called, within `handshakeMs`.
   * @param socket a TCP connection; octets that were read beyond the PROXY header are put back by `unshift`
   */
  accept(socket: Socket, port: number, handshakeMs: number, accepted: TlsAccepted): void;
}
