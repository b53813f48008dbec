import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import type { z } from 'zod';
import type { DomainName } from '../../src/dns/name.ts';
import { parseName } from '../../src/dns/name.ts';
import { AnswerTable } from '../../src/dns/table.ts';
import { zoneSource } from '../../src/dns/testing/zone-source.ts';
import { parseTsigKey, type TsigKey } from '../../src/dns/tsig-key.ts';
import { compileZoneOrThrow, type Zone } from '../../src/dns/zone.ts';
import type { RecordSource } from '../../src/dns/zone-source.ts';
import type { ZoneTransfers } from '../../src/resources/zone-transfers.ts';
import { createNameServer, type NameServer } from '../server.ts';
import { nameServerSettings } from '../settings.ts';
import type { TransferOutLimits } from '../transfer-desk.ts';
import { type TransferPlan, transferPlan } from '../transfer-plan.ts';

export const ORIGIN = parseName('example.test');
const SECRET = {
  name: 'copies.example.test',
  algorithm: 'hmac-sha256' as const,
  secret: Buffer.alloc(32, 5).toString('base64'),
};
export const KEY: TsigKey = parseTsigKey(SECRET);
/** The same name with another secret. */
export const STRANGER: TsigKey = { ...KEY, secret: new Uint8Array(32).fill(6) };

export function zoneOf(serial: number, records: readonly RecordSource[], origin = ORIGIN): Zone {
  return compileZoneOrThrow(
    zoneSource({
      origin,
      serial,
      nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
      records,
    }),
  );
}

/** About 100 octets each, in a transfer. */
export function manyRecords(count: number): readonly RecordSource[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `host-${i}`,
    type: 'TXT',
    data: [`"${String(i).padStart(80, '.')}"`],
  }));
}

/** Who may copy what, with `KEY` as the Secret `default/copies`. */
export function planFor(
  transfers: Partial<ZoneTransfers>,
  origins: readonly DomainName[] = [ORIGIN],
): TransferPlan {
  return transferPlan(
    origins.map((origin) => ({
      namespace: 'default',
      name: 'zone',
      spec: {
        origin,
        nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
        soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
        ttlSeconds: 300,
        records: [],
        transfers: { allow: [], notify: [], ...transfers },
      },
    })),
    { 'default/copies': SECRET },
  );
}

export interface Primary {
  readonly server: NameServer;
  readonly port: number;
  serve(...zones: readonly Zone[]): void;
  /** Transfers that ended so. */
  transfers(kind: 'AXFR' | 'IXFR', outcome: string): number;
  close(): Promise<void>;
}

/** A name server with these zones on a port of 127.0.0.1. */
export async function startPrimary(
  plan: TransferPlan,
  zones: readonly Zone[],
  more: {
    readonly limits?: TransferOutLimits;
    readonly idleMs?: number;
    readonly settings?: z.input<typeof nameServerSettings>;
  } = {},
): Promise<Primary> {
  let table = new AnswerTable(zones);
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: 0 }],
    table: () => table,
    transfers: () => plan,
    transferLimits: more.limits,
    settings: nameServerSettings.parse(more.settings ?? {}),
    tcp: more.idleMs === undefined ? {} : { idleMs: more.idleMs },
  });
  const [bound] = await server.start();
  return {
    server,
    port: bound?.port ?? 0,
    serve(...next) {
      table = new AnswerTable(next);
    },
    transfers: (kind, outcome) =>
      server
        .stats()
        .families.find(({ name }) => name === 'portolan_dns_transfers_total')
        ?.samples.filter(({ labels }) => labels?.kind === kind && labels.outcome === outcome)
        .reduce((sum, { value }) => sum + value, 0) ?? 0,
    close: () => server.close(),
  };
}

export async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, 2);
  return framed;
}

/** Framed messages as they come, until `enough` says so. */
export function framesOf(
  socket: Socket,
  enough: (frames: readonly Uint8Array[]) => boolean,
): Promise<readonly Uint8Array[]> {
  const frames: Uint8Array[] = [];
  let pending: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error(`closed after ${frames.length} messages`)));
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        frames.push(new Uint8Array(pending.subarray(2, 2 + pending.readUInt16BE(0))));
        pending = pending.subarray(2 + pending.readUInt16BE(0));
      }
      if (enough(frames)) resolve(frames);
    });
  });
}

/** The reply to one datagram. */
export function askUdp(port: number, message: Uint8Array): Promise<Uint8Array> {
  const socket = createSocket('udp4');
  return new Promise<Uint8Array>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('message', (bytes) => resolve(new Uint8Array(bytes)));
    socket.send(message, port, '127.0.0.1');
  }).finally(() => socket.close());
}
