import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import dnsPacket from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { RCODE } from '../src/dns/types.ts';
import { parseQuery, type Query } from '../src/dns/wire/query.ts';
import { Counters } from '../src/telemetry/counters.ts';
import { withMaskedSubnet } from './dnstap.ts';
import { CONTROL, controlFrame } from './frame-streams.ts';
import { type AnsweredQuery, QueryLogger } from './query-log.ts';
import { QUERY_LOG_DROPPED, QUERY_LOG_RECORDS } from './query-log-batches.ts';
import { openQueryLog } from './query-log-sink.ts';
import { nameServerSettings, type QueryLogSettings } from './settings.ts';

let folder = '';
const cleanUp: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-query-log-'));
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  await rm(folder, { recursive: true, force: true });
});

const settingsOf = (given: object): QueryLogSettings => {
  const { queryLog } = nameServerSettings.parse({ queryLog: { file: 'unused', ...given } });
  if (queryLog === undefined) throw new Error('no query log');
  return queryLog;
};

const queryBytes = (subnet?: string): Buffer =>
  dnsPacket.encode({
    type: 'query',
    id: 7,
    questions: [{ name: 'WWW.example.test', type: 'AAAA', class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: subnet === undefined ? [] : [{ code: 8, ip: subnet, sourcePrefixLength: 24 }],
      },
    ],
  });

function queryOf(bytes: Buffer): Query {
  const query = parseQuery(bytes);
  if (query === undefined) throw new Error('no query');
  return query;
}

const answered = (more: Partial<AnsweredQuery> = {}): AnsweredQuery => ({
  query: queryOf(queryBytes()),
  source: '198.51.100.77',
  transport: 'udp',
  rcode: RCODE.NOERROR,
  zone: 'example.test.',
  response: new Uint8Array([0, 7, 0x86, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  ...more,
});

function logged(given: object, queries: readonly AnsweredQuery[], random = () => 0): readonly Uint8Array[] {
  const records: Uint8Array[] = [];
  const logger = new QueryLogger({
    settings: settingsOf(given),
    identity: 'fra1-a',
    wallMs: () => 1_700_000_000_123.5,
    random,
    write: (record) => records.push(record),
  });
  for (const query of queries) logger.record(query);
  return records;
}

const json = (records: readonly Uint8Array[]): unknown[] =>
  records.map((record): unknown => JSON.parse(Buffer.from(record).toString('utf8')));

describe('what is logged', () => {
  it('is one line of JSON a query', () => {
    const records = logged({}, [
      answered({ query: queryOf(queryBytes('203.0.113.9')), rcode: RCODE.BADCOOKIE, zone: '' }),
    ]);
    expect(Buffer.from(records[0] ?? []).toString()).toMatch(/^\{[^\n]+\}\n$/);
    expect(json(records)).toEqual([
      {
        time: '2023-11-14T22:13:20.123Z',
        client: '198.51.100.77',
        transport: 'udp',
        name: 'www.example.test.',
        type: 'AAAA',
        subnet: '203.0.113.0/24',
        rcode: 'BADCOOKIE',
        zone: '',
        octets: 12,
        truncated: true,
      },
    ]);
  });

  it('can be cut to networks, the client subnet too', () => {
    const subnet = queryOf(queryBytes('203.0.113.9'));
    const records = logged({ clientPrefix: { ipv4: 16, ipv6: 48 } }, [
      answered({ query: subnet }),
      answered({ source: '2001:db8:1:2::3' }),
      answered({ source: '::ffff:198.51.100.77' }),
    ]);
    expect(json(records)).toMatchObject([
      { client: '198.51.0.0/16', subnet: '203.0.0.0/16' },
      { client: '2001:db8:1::/48' },
      { client: '198.51.0.0/16' },
    ]);
  });

  it('can be some response codes and types, and a share', () => {
    const one = answered();
    const missing = answered({ rcode: RCODE.NXDOMAIN });
    expect(logged({ only: { rcodes: ['nxdomain', 'SERVFAIL'] } }, [one, missing])).toHaveLength(1);
    expect(logged({ only: { types: ['A'] } }, [one, missing])).toHaveLength(0);
    expect(logged({ only: { types: ['aaaa', 'TYPE65280'] } }, [one, missing])).toHaveLength(2);
    const draws = [0.09, 0.1, 0.5, 0.05];
    expect(logged({ sample: 0.1 }, [one, one, one, one], () => draws.shift() ?? 1)).toHaveLength(2);
  });

  it('is refused when it names nothing, both targets, or none', () => {
    const refused = (queryLog: object): string =>
      nameServerSettings.safeParse({ queryLog }).error?.issues[0]?.message ?? '';
    expect(refused({ file: 'a', only: { rcodes: ['NXDOMAN'] } })).toContain('"NXDOMAN" is no response code');
    expect(refused({ file: 'a', only: { types: ['QUAD'] } })).toContain('"QUAD" is no record type');
    expect(refused({})).toContain('either `file` or `socket`');
    expect(refused({ file: 'a', socket: 'b' })).toContain('either `file` or `socket`');
  });
});

/** Fields of a protobuf message, by number; nested messages stay octets. */
function fieldsOf(message: Uint8Array): Map<number, Uint8Array | number> {
  const reader = new BinaryReader(message);
  const fields = new Map<number, Uint8Array | number>();
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === WireType.LengthDelimited) fields.set(field, reader.bytes());
    else if (wire === WireType.Bit32) fields.set(field, reader.fixed32());
    else fields.set(field, Number(reader.uint64()));
  }
  return fields;
}

describe('dnstap', () => {
  const framesOf = (record: Uint8Array): Uint8Array[] => {
    const frames: Uint8Array[] = [];
    for (let at = 0; at < record.length; ) {
      const length = new DataView(record.buffer, record.byteOffset).getUint32(at);
      frames.push(record.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return frames;
  };

  it('is a frame for the query and one for the response, with the field numbers of dnstap.proto', () => {
    const one = answered({ transport: 'tcp' });
    const [record = new Uint8Array()] = logged({ format: 'dnstap' }, [one]);
    const [query, response] = framesOf(record).map((frame) => {
      const top = fieldsOf(frame);
      expect(top.get(15)).toBe(1);
      expect(Buffer.from(top.get(1) as Uint8Array).toString()).toBe('fra1-a');
      return fieldsOf(top.get(14) as Uint8Array);
    });
    const common: [number, unknown][] = [
      [2, 1],
      [3, 2],
      [4, new Uint8Array([198, 51, 100, 77])],
      [8, 1_700_000_000],
      [9, 123_500_000],
    ];
    expect(query).toEqual(
      new Map<number, unknown>([[1, 1], ...common, [10, new Uint8Array(one.query.bytes)]]),
    );
    expect(response).toEqual(
      new Map<number, unknown>([
        [1, 2],
        ...common,
        [11, new Uint8Array(Buffer.from('\u0007example\u0004test\u0000', 'latin1'))],
        [12, 1_700_000_000],
        [13, 123_500_000],
        [14, one.response],
      ]),
    );
  });

  it.each([
    ['a\\.b.example.test.', '\u0003a.b\u0007example\u0004test\u0000'],
    ['a\\000b.test.', '\u0003a\u0000b\u0004test\u0000'],
    ['\\255.', '\u0001\u00ff\u0000'],
    ['.', '\u0000'],
  ])('has the zone %s in wire form', (zone, wire) => {
    const [record = new Uint8Array()] = logged({ format: 'dnstap' }, [answered({ zone: parseName(zone) })]);
    const [, response = new Uint8Array()] = framesOf(record);
    const message = fieldsOf(fieldsOf(response).get(14) as Uint8Array);
    expect(Buffer.from(message.get(11) as Uint8Array).toString('latin1')).toBe(wire);
  });

  it('leaves of the client subnet in the message what it leaves of addresses', () => {
    const message = queryBytes('203.0.113.9');
    expect(withMaskedSubnet(message, { ipv4: 32, ipv6: 128 })).toBe(message);
    const cut = dnsPacket.decode(Buffer.from(withMaskedSubnet(message, { ipv4: 16, ipv6: 48 })));
    expect(cut.additionals?.[0]).toMatchObject({ options: [{ ip: '203.0.0.0', sourcePrefixLength: 16 }] });
    expect(message.includes(Buffer.from([203, 0, 113]))).toBe(true);
  });

  it('reads past anything when it looks for the client subnet', () => {
    const message = queryBytes('203.0.113.9');
    for (let length = 0; length < message.length; length += 1)
      expect(() => withMaskedSubnet(message.subarray(0, length), { ipv4: 0, ipv6: 0 })).not.toThrow();
  });
});

describe('a log file', () => {
  const sink = (given: object) => {
    const counters = new Counters();
    const dropped = counters.counter(QUERY_LOG_DROPPED);
    const warnings: string[] = [];
    const log = openQueryLog({
      settings: settingsOf(given),
      written: counters.counter(QUERY_LOG_RECORDS),
      dropped,
      log: { warn: (_details, message) => warnings.push(message) },
      retryMs: 10,
    });
    return { log, dropped, warnings };
  };
  const line = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);

  it('is turned over by size, and so many are kept', async () => {
    const file = join(folder, 'queries.log');
    const { log } = sink({ file, rotate: { maxMegabytes: 0.001, keep: 2 } });
    for (let number = 0; number < 8; number += 1) log.write(line(String(number).repeat(499)), 1);
    await log.close();
    expect((await readdir(folder)).sort()).toEqual(['queries.log', 'queries.log.1', 'queries.log.2']);
    const contents = await Promise.all(
      ['', '.1', '.2'].map(async (end) =>
        (await readFile(`${file}${end}`, 'utf8')).replace(/(.)\1+\n/g, '$1'),
      ),
    );
    expect(contents).toEqual(['67', '45', '23']);
  });

  it('goes on where it ended, and is opened anew when somebody moved it away', async () => {
    const file = join(folder, 'queries.log');
    await writeFile(file, 'old\n');
    const { log } = sink({ file });
    log.write(line('a'), 1);
    await expect.poll(() => readFile(file, 'utf8')).toBe('old\na\n');
    await rename(file, `${file}.moved`);
    log.reopen();
    log.write(line('b'), 1);
    await log.close();
    expect(await readFile(`${file}.moved`, 'utf8')).toBe('old\na\n');
    expect(await readFile(file, 'utf8')).toBe('b\n');
  });

  it('that cannot be written is said once, what is lost is counted, and it goes on when it can', async () => {
    const file = join(folder, 'missing', 'queries.log');
    const { log, dropped, warnings } = sink({ file });
    log.write(line('a'), 3);
    await expect.poll(() => dropped.value).toBe(3);
    log.write(line('b'), 1);
    await expect.poll(() => dropped.value).toBe(4);
    expect(warnings).toEqual(['the query log cannot be written; queries are answered all the same']);
    await log.close();
  });

  it('of dnstap is a whole stream: a new one begins a new file', async () => {
    const file = join(folder, 'queries.tap');
    for (const text of ['first', 'second']) {
      const { log } = sink({ file, format: 'dnstap' });
      log.write(line(text), 1);
      await log.close();
    }
    const stream = (text: string): Buffer =>
      Buffer.concat([controlFrame(CONTROL.START), line(text), controlFrame(CONTROL.STOP)]);
    expect(await readFile(file)).toEqual(stream('second'));
    expect(await readFile(`${file}.1`)).toEqual(stream('first'));
  });

  it('to a socket shakes hands as Frame Streams does, drops while nobody listens, and comes back', async () => {
    const socket = join(folder, 'tap.sock');
    const { log, dropped, warnings } = sink({ file: undefined, socket, format: 'dnstap' });
    log.write(line('lost'), 2);
    expect(dropped.value).toBe(2);
    const heard: Buffer[] = [];
    const server: Server = createServer((peer) => {
      peer.on('data', (chunk: Buffer) => {
        heard.push(chunk);
        const all = Buffer.concat(heard);
        if (all.equals(controlFrame(CONTROL.READY))) peer.write(controlFrame(CONTROL.ACCEPT));
        if (all.subarray(-12).equals(controlFrame(CONTROL.STOP))) peer.write(controlFrame(CONTROL.FINISH));
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    cleanUp.push(() => void server.close());
    await expect
      .poll(() => {
        log.write(line('kept'), 1);
        return Buffer.concat(heard).includes('kept');
      })
      .toBe(true);
    await log.close();
    const stream = Buffer.concat(heard);
    const opening = Buffer.concat([controlFrame(CONTROL.READY), controlFrame(CONTROL.START), line('kept')]);
    expect(stream.subarray(0, opening.length)).toEqual(opening);
    expect(stream.subarray(-12)).toEqual(Buffer.from(controlFrame(CONTROL.STOP)));
    expect(warnings).toEqual(['nobody takes the query log; records are dropped until then']);
  });
});
