import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { WireWriter } from '../src/dns/wire/writer.ts';
import type { Answerer } from './answerer.ts';
import type { Statistics } from './statistics.ts';

/** Answers waiting in the process because the kernel takes no more; beyond this, dropping is kinder than growing. */
const MAX_QUEUED = 1000;
/** Asked of the kernel, which may give less: room for a burst while a table is swapped. */
const RECEIVE_BUFFER_OCTETS = 1 << 20;

export interface UdpOptions {
  readonly host: string;
  readonly port: number;
  /** Share the port with other threads (SO_REUSEPORT). */
  readonly reusePort: boolean;
  readonly answerer: Answerer;
  readonly statistics: Statistics;
  readonly onFailure: (failure: unknown) => void;
}

export interface UdpListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Binds a UDP socket and answers what arrives. Rejects with the system's error when it cannot bind. */
export async function listenUdp(options: UdpOptions): Promise<UdpListener> {
  const { host, answerer, statistics } = options;
  const ipv6 = isIPv6(host);
  const socket = createSocket({
    type: ipv6 ? 'udp6' : 'udp4',
    ipv6Only: ipv6,
    reusePort: options.reusePort,
    // Replies go to literal addresses: the default would defer each by a tick and outlive the reused buffer.
    lookup: (address, _options, callback) => callback(null, address, ipv6 ? 6 : 4),
  });
  await bound(socket, options.port, host);
  socket.on('error', options.onFailure);
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_OCTETS);
  } catch (error) {
    options.onFailure(error); // a smaller buffer still works
  }
  const writer = new WireWriter();
  /** Answers in the queue when it was last looked at. */
  let queued = 0;
  socket.on('message', (bytes, peer) => {
    if (peer.port === 0) {
      statistics.drop('unanswerable'); // nobody can receive there, and sending to it throws
      return;
    }
    if (!answerer.answer(bytes, peer.address, 'udp', writer)) return;
    if (queued >= MAX_QUEUED) queued = socket.getSendQueueCount();
    if (queued >= MAX_QUEUED) {
      statistics.drop('congested');
      return;
    }
    // Without a callback, which would cost a tick for each answer: an address the kernel cannot reach is the client's loss.
    socket.send(writer.buffer, 0, writer.offset, peer.port, peer.address);
    // The kernel has its copy unless it was busy; then the queue reads this buffer later and we need another.
    queued = socket.getSendQueueCount();
    if (queued > 0) writer.renew();
  });
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function bound(socket: Socket, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.off('error', failed);
      resolve();
    });
  });
}
