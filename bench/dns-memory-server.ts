import { createSocket } from 'node:dgram';
import { createNameServer } from '../nameserver/server.ts';
import { type DomainName, parseName } from '../src/dns/name.ts';
import { PackedZoneBuilder } from '../src/dns/packed/builder.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { attachZone } from '../src/dns/zone.ts';
import type { MemoryMeasured } from './dns-memory.ts';

/* The server of `bench/dns-memory.ts`: `RECORDS`. Sends what it measured to whoever forked it. */

const records = Number(process.argv[2]);
const ORIGIN = parseName('big.example');
const SERVER = parseName('ns1.big.example');
const QUERIES = 100_000;

const nameOf = (i: number): DomainName => `host-${i}.rack-${i % 500}.${ORIGIN}` as DomainName;

const begun = performance.now();
const builder = new PackedZoneBuilder(ORIGIN);
builder.add(ORIGIN, TYPE.SOA, 300, {
  type: 'SOA',
  primary: SERVER,
  mailbox: parseName('hostmaster.big.example'),
  serial: 1,
  refreshSeconds: 7200,
  retrySeconds: 1800,
  expireSeconds: 1_209_600,
  minimumSeconds: 60,
});
builder.add(ORIGIN, TYPE.NS, 300, { type: 'NS', target: SERVER });
for (let i = builder.records; i < records; i += 1) {
  const address = Uint8Array.of(10, i >> 16, i >> 8, i);
  builder.add(nameOf(i), TYPE.A, 300, { type: 'A', address });
}
const buffer = builder.finish();
const zone = attachZone({ origin: ORIGIN, serial: 1, buffer }, () => undefined);
const buildMs = Math.round(performance.now() - begun);

const table = new AnswerTable([zone]);
const server = createNameServer({ listen: [{ host: '127.0.0.1', port: 0 }], table: () => table });
const [bound] = await server.start();

const socket = createSocket('udp4');
await new Promise<void>((resolve) => socket.connect(bound?.port ?? 0, '127.0.0.1', resolve));
for (let i = 0; i < QUERIES; i += 1) {
  const host = 2 + Math.floor((i * (records - 2)) / QUERIES);
  const reply = await new Promise<Buffer>((resolve) => {
    socket.once('message', resolve);
    socket.send(encodeMessage(makeQuery(i & 0xffff, { name: nameOf(host), type: TYPE.A, class: CLASS.IN })));
  });
  const answered = (reply[3] ?? 15) % 16 === 0 && reply[7] === 1;
  if (!answered) throw new Error(`host ${host} is not answered`);
}
socket.close();

const megabytes = (octets: number): number => Math.round(octets / 1e5) / 10;
const measured: MemoryMeasured = {
  peakMb: megabytes(1024 * process.resourceUsage().maxRSS),
  servingMb: megabytes(process.memoryUsage.rss()),
  packedMb: megabytes(buffer.byteLength),
  buildMs,
};
process.send?.(measured);
