import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../src/errors/error.ts';
import type { AddressBook } from './addresses.ts';
import type { BackendTls } from './backend-tls.ts';

/** Where connections of one endpoint go. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: BackendTls | undefined;
  /** Protocol asked for by ALPN, and insisted on for `h2`. */
  readonly alpn: 'http/1.1' | 'h2' | undefined;
}

export interface DialDeps {
  readonly addresses: AddressBook;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** A socket that is connected (and through with TLS), or why there is none. */
export type Dialled = (socket: Socket | undefined, failure: string) => void;

/** Segments land in the caller's buffer instead of a new one each; without TLS only. */
export interface DirectRead {
  readonly buffer: Uint8Array;
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
}

/** TCP keep-alive finds dead peers of quiet connections (WebSockets, long polls). */
const KEEP_ALIVE_MS = 60_000;

/** @returns gives up; nothing is called afterwards */
export function dial(
  target: DialTarget,
  timeoutMs: number,
  deps: DialDeps,
  direct: DirectRead | undefined,
  done: Dialled,
): () => void {
  let socket: Socket | undefined;
  let settled = false;
  const settle = (opened: Socket | undefined, failure: string): void => {
    if (settled) return;
    settled = true;
    cancelTimer();
    if (opened === undefined) socket?.destroy();
    done(opened, failure);
  };
  const cancelTimer = deps.after(timeoutMs, () => settle(undefined, `no connection within ${timeoutMs} ms`));
  deps.addresses.next(target.host, (address, failure) => {
    if (settled) return;
    if (address === undefined) {
      settle(undefined, failure);
      return;
    }
    try {
      const opened = open(target, address, direct);
      socket = opened;
      const failed = (error: NodeJS.ErrnoException): void =>
        settle(undefined, `${address} port ${target.port}: ${error.code ?? error.message}`);
      opened.once('error', failed);
      opened.once(target.tls === undefined ? 'connect' : 'secureConnect', () => {
        opened.off('error', failed);
        const protocol = 'alpnProtocol' in opened ? opened.alpnProtocol : undefined;
        if (target.tls !== undefined && target.alpn === 'h2' && protocol !== 'h2') {
          opened.on('error', () => {});
          settle(undefined, `${address} port ${target.port} does not speak HTTP/2 (ALPN)`);
        } else settle(opened, '');
      });
      opened.once('close', () => settle(undefined, `${address} port ${target.port} closed the connection`));
    } catch (thrown) {
      settle(undefined, messageOf(thrown));
    }
  });
  return () => {
    if (settled) return;
    settled = true;
    cancelTimer();
    socket?.on('error', () => {});
    socket?.destroy();
  };
}

function open(target: DialTarget, address: string, direct: DirectRead | undefined): Socket {
  const place = {
    host: address,
    port: target.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  const { tls } = target;
  if (tls === undefined) return connect(direct === undefined ? place : { ...place, onread: direct });
  return connectTls({
    ...place,
    servername: tls.serverName,
    secureContext: tls.context(),
    checkServerIdentity: tls.checkServerIdentity,
    ...(target.alpn === undefined ? {} : { ALPNProtocols: [target.alpn] }),
  });
}
