import { createServer, isIPv6, type Socket } from 'node:net';
import { resolverAddress } from '../src/dns/client.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import type { Answerer } from './answerer.ts';
import type { Statistics } from './statistics.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { TransferDesk } from './transfer-desk.ts';
import { TurnBudget } from './turn-budget.ts';

/** Limits of RFC 7766 section 6: connections are kept a while, but nobody can hold them all. */
export interface TcpLimits {
  /** Open connections of the whole server. */
  readonly connections: number;
  /** Open connections of one source: an IPv4 address or an IPv6 /64. */
  readonly connectionsPerSource: number;
  /** Milliseconds without a complete query after which a connection is closed. */
  readonly idleMs: number;
  /** How long `close()` waits for answers under way, in milliseconds. */
  readonly graceMs: number;
}

export const DEFAULT_TCP_LIMITS: TcpLimits = {
  connections: 1000,
  connectionsPerSource: 50,
  idleMs: 10_000,
  graceMs: 2000,
};

/** Answers a client has not read; beyond this we stop reading its queries. */
const MAX_UNREAD_OCTETS = 64 * 1024;
/** Pieces a frame may lie in before they are joined: kept apart, single octets take hundreds of times their size. */
const MAX_PIECES = 32;
/** Under pressure connections are kept idle for less, but for so long (RFC 7766 section 6.2.3). */
const LEAST_IDLE_MS = 1000;
/** The length before each message (RFC 1035 section 4.2.2). It may announce 65,535 octets; only what arrives is kept. */
const FRAME_HEAD = 2;
const NOTHING = new Uint8Array(0);

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  readonly limits: TcpLimits;
  /** Given: DNS over TLS, with the same limits. */
  readonly tls?: TlsIdentity | undefined;
  readonly answerer: Answerer;
  readonly transfers: TransferDesk;
  readonly statistics: Statistics;
  readonly now: () => number;
  readonly onFailure: (failure: unknown) => void;
}

export interface TcpListener {
  readonly port: number;
  connections(): number;
  close(): Promise<void>;
}

interface Connection {
  readonly socket: Socket;
  readonly source: string;
  /** Octets of a frame that is not complete. */
  readonly pending: Uint8Array[];
  pendingOctets: number;
  /** Octets the frame under way needs in all; 0 while its length is unknown. */
  needed: number;
  /** It has complete queries that wait for a turn. */
  putOff: boolean;
  /** When the last complete query arrived or its answer was read, by `now`. */
  activeAt: number;
  /** Transfers under way. */
  transfers: number;
}

/** Listens for DNS over TCP (RFC 7766): pipelined queries, answers in order. Rejects when it cannot bind. */
export async function listenTcp(options: TcpOptions): Promise<TcpListener> {
  const { limits, statistics, now } = options;
  const open = new Set<Connection>();
  const perSource = new Map<string, number>();
  const writer = new WireWriter();
  const turns = new TurnBudget(now);

  const server = createServer({ noDelay: true, keepAlive: false, highWaterMark: 16 * 1024 }, (accepted) => {
    const address = accepted.remoteAddress ?? '';
    const source = sourceKey(address);
    const mine = perSource.get(source) ?? 0;
    if (open.size >= limits.connections || mine >= limits.connectionsPerSource) {
      statistics.drop('tcpLimit');
      accepted.on('error', () => accepted.destroy());
      accepted.destroy();
      return;
    }
    const socket = options.tls?.wrap(accepted) ?? accepted;
    const connection: Connection = {
      socket,
      source,
      pending: [],
      pendingOctets: 0,
      needed: 0,
      putOff: false,
      activeAt: now(),
      transfers: 0,
    };
    open.add(connection);
    statistics.tcpConnections(1);
    perSource.set(source, mine + 1);
    socket.on('data', (chunk) => receive(connection, chunk, address, writer, turns, options));
    socket.on('drain', () => {
      connection.activeAt = now();
      if (!connection.putOff) socket.resume();
      receive(connection, NOTHING, address, writer, turns, options); // what was put off while the client did not read
    });
    socket.on('error', () => socket.destroy()); // the peer went away: its business
    socket.on('close', () => {
      open.delete(connection);
      statistics.tcpConnections(-1);
      const left = (perSource.get(source) ?? 1) - 1;
      if (left > 0) perSource.set(source, left);
      else perSource.delete(source);
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      {
        host: options.host,
        port: options.port,
        ipv6Only: isIPv6(options.host),
        exclusive: true,
        reusePort: options.reusePort,
        backlog: 128,
      },
      () => {
        server.off('error', reject);
        resolve();
      },
    );
  });
  server.on('error', options.onFailure);

  // One clock for all connections, rather than a timer for each octet that a slow sender drips.
  const sweep = setInterval(
    () => {
      const before = now() - idleMs(limits, open.size);
      for (const connection of open) {
        if (connection.activeAt > before) continue;
        // A client that has read everything waits for us: a big signed zone has to be sorted first.
        if (connection.transfers > 0 && connection.socket.writableLength === 0) continue;
        statistics.drop('tcpIdle');
        connection.socket.destroy();
      }
    },
    Math.max(10, Math.min(1000, limits.idleMs / 4)),
  );
  sweep.unref();

  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    connections: () => open.size,
    async close() {
      clearInterval(sweep);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { socket } of open) {
        if (socket.writableLength === 0) socket.destroy();
        else socket.end(); // flushes first
      }
      const grace = setTimeout(() => {
        for (const { socket } of open) socket.destroy();
      }, limits.graceMs);
      await closed;
      clearTimeout(grace);
    },
  };
}

/** How long a connection may be idle while so many are open: all of it up to half of them, then less and less. */
function idleMs({ idleMs: most, connections }: TcpLimits, open: number): number {
  const free = 1 - open / connections;
  return free >= 0.5 ? most : Math.min(most, Math.max(LEAST_IDLE_MS, 2 * free * most));
}

/** Takes what arrived, answers every complete frame in it for which this turn has time, and keeps the rest. */
function receive(
  connection: Connection,
  chunk: Uint8Array,
  address: string,
  writer: WireWriter,
  turns: TurnBudget,
  options: TcpOptions,
): void {
  if (chunk.length > 0) connection.pending.push(chunk);
  connection.pendingOctets += chunk.length;
  if (connection.putOff) return;
  if (connection.needed > connection.pendingOctets) {
    if (connection.pending.length > MAX_PIECES) {
      connection.pending.push(Buffer.concat(connection.pending.splice(0), connection.pendingOctets));
    }
    return;
  }
  const { socket } = connection;
  const [first] = connection.pending;
  if (first === undefined) return;
  const bytes =
    connection.pending.length === 1 ? first : Buffer.concat(connection.pending, connection.pendingOctets);
  let at = 0;
  let spent = false;
  socket.cork();
  while (bytes.length - at >= FRAME_HEAD && socket.writableLength <= MAX_UNREAD_OCTETS) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (bytes.length - at < FRAME_HEAD + length) break;
    spent = turns.spent;
    if (spent) break;
    const query = bytes.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length);
    at += FRAME_HEAD + length;
    connection.activeAt = options.now();
    const transfer = options.transfers.stream(query, address);
    if (transfer !== undefined) {
      void send(connection, transfer, options);
      continue;
    }
    if (!options.answerer.answer(query, address, options.tls === undefined ? 'tcp' : 'tls', writer)) continue;
    const frame = Buffer.allocUnsafe(FRAME_HEAD + writer.offset);
    frame.writeUInt16BE(writer.offset, 0);
    writer.buffer.copy(frame, FRAME_HEAD, 0, writer.offset);
    socket.write(frame);
  }
  socket.uncork();
  connection.pending.length = 0;
  const rest = bytes.subarray(at);
  connection.pendingOctets = rest.length;
  connection.needed =
    rest.length < FRAME_HEAD ? FRAME_HEAD : FRAME_HEAD + (((rest[0] ?? 0) << 8) | (rest[1] ?? 0));
  // A copy, so that a few octets do not keep a whole read buffer.
  if (rest.length > 0) connection.pending.push(spent ? rest : Uint8Array.from(rest));
  if (spent) {
    connection.putOff = true;
    socket.pause();
    turns.putOff(() => {
      connection.putOff = false;
      if (socket.destroyed) return;
      receive(connection, NOTHING, address, writer, turns, options);
      if (!connection.putOff && socket.writableLength <= MAX_UNREAD_OCTETS) socket.resume();
    });
    return;
  }
  if (socket.writableLength > MAX_UNREAD_OCTETS) socket.pause();
}

/** Sends the messages of a transfer as fast as the client reads them. Queries on the same connection are answered between two. */
async function send(
  connection: Connection,
  transfer: AsyncGenerator<Buffer, void, undefined>,
  { now }: TcpOptions,
): Promise<void> {
  const { socket } = connection;
  connection.transfers += 1;
  try {
    for await (const frame of transfer) {
      if (socket.destroyed) return;
      connection.activeAt = now();
      if (!socket.write(frame)) await drained(socket);
    }
  } catch {
    socket.destroy(); // half a zone must not look like a whole one; the desk has told whoever should know
  } finally {
    connection.transfers -= 1;
    connection.activeAt = now();
  }
}

/** Resolves when the client has read, or is gone. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}

/** Who counts as one source: an IPv6 host has a /64 to itself. */
function sourceKey(address: string): string {
  const client = resolverAddress(address);
  if (client === undefined) return address;
  return `${client.family} ${Buffer.from(client.bytes.subarray(0, client.family === 4 ? 4 : 8)).toString('hex')}`;
}
