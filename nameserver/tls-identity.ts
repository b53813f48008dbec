import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { messageOf, PortolanError } from '../src/errors/error.ts';

export interface TlsFiles {
  /** PEM, the chain after the certificate. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** The certificate that DNS over TLS is served with (RFC 7858). */
export interface TlsIdentity {
  /** Speaks TLS on an accepted connection. The handshake runs by itself; when it fails the socket closes. */
  wrap(socket: Socket): Socket;
  /** Reads the files again, for new connections. @throws PortolanError DNS_TLS_FILES_INVALID, and the old ones stay in use */
  reload(): void;
}

/** RFC 7858 section 3.2 and the ALPN registry: a client that offers protocols must offer this one. */
const PROTOCOL = Buffer.from('\x03dot', 'latin1');

/** @throws PortolanError DNS_TLS_FILES_INVALID */
export function createTlsIdentity(files: TlsFiles): TlsIdentity {
  let context = read(files);
  return {
    wrap: (socket) =>
      new TLSSocket(socket, {
        isServer: true,
        secureContext: context,
        ALPNProtocols: PROTOCOL,
        requestCert: false,
      }),
    reload() {
      context = read(files);
    },
  };
}

function read({ certFile, keyFile }: TlsFiles): SecureContext {
  try {
    return createSecureContext({
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      minVersion: 'TLSv1.2', // RFC 8310 section 8: no earlier one
    });
  } catch (cause) {
    throw new PortolanError(
      'DNS_TLS_FILES_INVALID',
      `${certFile} and ${keyFile} cannot be used: ${messageOf(cause)}`,
      { cause },
    );
  }
}
