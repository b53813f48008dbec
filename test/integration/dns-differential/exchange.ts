import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';

/** A query ready to send; its first two octets are replaced by the sender. */
export interface Exchange {
  readonly bytes: Uint8Array;
  readonly transport: 'udp' | 'tcp';
}

const UDP_WINDOW = 64; // outstanding datagrams: well below any receive buffer
const TCP_WINDOW = 64;
const PATIENCE_MS = 1000;
const ATTEMPTS = 4;

/** What the server on this port of the loopback answers to each query, in their order; `undefined` after silence. */
export async function exchangeAll(
  port: number,
  queries: readonly Exchange[],
): Promise<readonly (Uint8Array | undefined)[]> {
  const replies: (Uint8Array | undefined)[] = queries.map(() => undefined);
  const of = (transport: Exchange['transport']): number[] =>
    queries.flatMap((query, i) => (query.transport === transport ? [i] : []));
  await Promise.all([overUdp(port, queries, of('udp'), replies), overTcp(port, queries, of('tcp'), replies)]);
  return replies;
}

async function overUdp(
  port: number,
  queries: readonly Exchange[],
  indexes: readonly number[],
  replies: (Uint8Array | undefined)[],
): Promise<void> {
  const socket: Socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, '127.0.0.1', resolve);
  });
  let left: readonly number[] = indexes;
  for (let attempt = 0; attempt < ATTEMPTS && left.length > 0; attempt += 1) {
    await udpRound(socket, queries, left, replies);
    left = left.filter((i) => replies[i] === undefined);
  }
  socket.close();
}

/** Sends each once, a window at a time; ends when all are answered or nothing has come for a while. */
function udpRound(
  socket: Socket,
  queries: readonly Exchange[],
  indexes: readonly number[],
  replies: (Uint8Array | undefined)[],
): Promise<void> {
  return new Promise((resolve) => {
    const waiting = new Map<number, number>();
    let next = 0;
    let silence = setTimeout(finish, PATIENCE_MS);
    function finish(): void {
      clearTimeout(silence);
      socket.off('message', take);
      resolve();
    }
    function send(): void {
      while (waiting.size < UDP_WINDOW && next < indexes.length) {
        const index = indexes[next] ?? 0;
        const id = next & 0xffff;
        next += 1;
        waiting.set(id, index);
        socket.send(withId(queries[index]?.bytes ?? new Uint8Array(), id));
      }
      if (waiting.size === 0) finish();
    }
    function take(bytes: Buffer): void {
      const index = waiting.get(bytes.readUInt16BE(0));
      if (index === undefined) return;
      waiting.delete(bytes.readUInt16BE(0));
      replies[index] = bytes;
      clearTimeout(silence);
      silence = setTimeout(finish, PATIENCE_MS);
      send();
    }
    socket.on('message', take);
    send();
  });
}

async function overTcp(
  port: number,
  queries: readonly Exchange[],
  indexes: readonly number[],
  replies: (Uint8Array | undefined)[],
): Promise<void> {
  for (let at = 0; at < indexes.length; at += TCP_WINDOW) {
    await tcpRound(port, queries, indexes.slice(at, at + TCP_WINDOW), replies);
  }
}

/** Pipelines a few queries over one connection (RFC 7766 section 6.2.1.1). */
function tcpRound(
  port: number,
  queries: readonly Exchange[],
  indexes: readonly number[],
  replies: (Uint8Array | undefined)[],
): Promise<void> {
  return new Promise((resolve) => {
    let pending = Buffer.alloc(0);
    let left = indexes.length;
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => {
      const frames = indexes.map((index, id) => {
        const query = withId(queries[index]?.bytes ?? new Uint8Array(), id);
        return Buffer.concat([Buffer.of(query.length >> 8, query.length & 0xff), query]);
      });
      socket.write(Buffer.concat(frames));
    });
    socket.setTimeout(ATTEMPTS * PATIENCE_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const index = indexes[pending.readUInt16BE(2)];
        if (index !== undefined) replies[index] = Uint8Array.from(pending.subarray(2, end));
        pending = pending.subarray(end);
        left -= 1;
      }
      if (left === 0) socket.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
  });
}

function withId(bytes: Uint8Array, id: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[0] = id >> 8;
  copy[1] = id & 0xff;
  return copy;
}
