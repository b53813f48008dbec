import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { parseRdata } from '../src/dns/records/catalogue.ts';
import { CLASS, RCODE, TYPE } from '../src/dns/types.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  type ResourceRecord,
} from '../src/dns/wire/message.ts';
import { PortolanError } from '../src/errors/error.ts';
import {
  frame,
  KEY,
  manyRecords,
  ORIGIN,
  planFor,
  STRANGER,
  startPrimary,
  zoneOf,
} from './testing/transfer-world.ts';
import { type TransferRequest, transferChanges, transferZone } from './transfer-client.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const record = (name: string, type: number, data: string): ResourceRecord => ({
  name: parseName(name),
  type,
  class: CLASS.IN,
  ttlSeconds: 60,
  rdata: parseRdata(type, data),
});
const soa = (serial: number): ResourceRecord =>
  record('example.test', TYPE.SOA, `ns.example.net. h.example.net. ${serial} 1 2 3 4`);
const www = record('www.example.test', TYPE.A, '192.0.2.1');

/** A primary that answers what it is told, whatever it was asked. */
async function pretend(answer: (query: Message, socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    cleanUp.push(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => answer(decodeMessage(new Uint8Array(chunk.subarray(2))), socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const message = (query: Message, answers: readonly ResourceRecord[], more: Partial<Message> = {}): Buffer =>
  frame(
    encodeMessage({
      ...query,
      flags: { ...query.flags, response: true, authoritative: true },
      answers,
      additionals: [],
      edns: undefined,
      ...more,
    }),
  );

/** The owner names that came, and the code it ended with. */
async function outcomeOf(port: number, more: Partial<TransferRequest> = {}): Promise<unknown> {
  const names: string[] = [];
  try {
    for await (const { name } of transferZone({ address: '127.0.0.1', port, zone: ORIGIN, ...more }))
      names.push(name);
    return names;
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    expect(error.fix).not.toBe('');
    return `${error.code}: ${error.message}`;
  }
}

describe('a transfer from another server', () => {
  it('gives every record of the zone, the SOA first and once, however the messages are cut', async () => {
    const port = await pretend((query, socket) => {
      const stream = Buffer.concat([
        message(query, [soa(5)]),
        message(query, [www, record('outside.example', TYPE.A, '192.0.2.9')], { questions: [] }),
        message(query, [www, soa(5)]),
      ]);
      for (const octet of stream) socket.write(Buffer.from([octet]));
    });
    expect(await outcomeOf(port)).toEqual(['example.test.', 'www.example.test.', 'www.example.test.']);
  });

  it.each([
    ['that begins without the SOA', [[www, soa(1)]], /^TRANSFER_FAILED: .*begins with a A record/],
    [
      'that ends with another serial',
      [[soa(1), www], [soa(2)]],
      /^TRANSFER_FAILED: .*serial 1 and ends with 2/,
    ],
    ['that goes on after its end', [[soa(1), soa(1), www]], /^TRANSFER_FAILED: .*after the final SOA/],
    ['without any record', [[]], /^TRANSFER_FAILED: .*holds no zone/],
    [
      'with a record that is no zone data',
      [[soa(1), { ...www, class: CLASS.CH }]],
      /^TRANSFER_FAILED: .*not zone data/,
    ],
    [
      'with the SOA of another zone',
      [[soa(1), { ...soa(1), name: parseName('sub.example.test') }]],
      /^TRANSFER_FAILED: .*second SOA/,
    ],
  ] as const)('is refused: one %s', async (_, messages, expected) => {
    const port = await pretend((query, socket) => {
      for (const answers of messages) socket.write(message(query, answers));
    });
    expect(await outcomeOf(port)).toMatch(expected);
  });

  it.each([
    [
      'cut in the middle',
      (query: Message) => message(query, [soa(1), www]),
      /^TRANSFER_FAILED: .*connection ended before/,
    ],
    ['of octets that are no message', () => frame(Buffer.from('nonsense')), /^TRANSFER_FAILED/],
    [
      'with another id',
      (query: Message) => message({ ...query, id: query.id ^ 1 }, [soa(1), soa(1)]),
      /^TRANSFER_FAILED: .*not belong/,
    ],
    [
      'to another question',
      (query: Message) =>
        message(query, [soa(1), soa(1)], { questions: [{ name: ORIGIN, type: TYPE.A, class: CLASS.IN }] }),
      /^TRANSFER_FAILED: .*another question/,
    ],
    [
      'that is truncated',
      (query: Message) =>
        message(query, [soa(1)], { flags: { ...query.flags, response: true, truncated: true } }),
      /^TRANSFER_FAILED: .*truncated/,
    ],
    [
      'refused',
      (query: Message) => message(query, [], { rcode: RCODE.REFUSED }),
      /^TRANSFER_REFUSED: .*REFUSED/,
    ],
    [
      'not authoritative',
      (query: Message) => message(query, [], { rcode: RCODE.NOTAUTH }),
      /^TRANSFER_REFUSED: .*NOTAUTH/,
    ],
    [
      'that failed',
      (query: Message) => message(query, [], { rcode: RCODE.SERVFAIL }),
      /^TRANSFER_FAILED: .*SERVFAIL/,
    ],
  ] as const)('is refused: one %s', async (_, reply, expected) => {
    const port = await pretend((query, socket) => {
      socket.end(reply(query));
    });
    expect(await outcomeOf(port)).toMatch(expected);
  });

  it('ends at its limits: records, octets, silence, time, or when it is given up', async () => {
    const primary = await startPrimary(planFor({ allow: [{ ranges: ['127.0.0.1/32'] }] }), [
      zoneOf(1, manyRecords(500)),
    ]);
    cleanUp.push(() => primary.close());
    expect(await outcomeOf(primary.port, { limits: { records: 100 } })).toMatch(
      /^TRANSFER_TOO_BIG: .*100 records/,
    );
    expect(await outcomeOf(primary.port, { limits: { octets: 5000 } })).toMatch(
      /^TRANSFER_TOO_BIG: .*5000 octets/,
    );
    const silent = await pretend(() => undefined);
    expect(await outcomeOf(silent, { limits: { idleMs: 50 } })).toMatch(/^NAME_SERVER_SILENT: .*50 ms/);
    expect(await outcomeOf(silent, { limits: { totalMs: 50 } })).toMatch(/^TRANSFER_FAILED: .*50 ms/);
    expect(await outcomeOf(silent, { signal: AbortSignal.timeout(50) })).toMatch(
      /^TRANSFER_FAILED: .*given up/,
    );
    expect(await outcomeOf(silent, { signal: AbortSignal.abort() })).toMatch(/^TRANSFER_FAILED: .*given up/);
    const nobody = await pretend(() => undefined);
    await cleanUp.pop()?.();
    expect(await outcomeOf(nobody)).toMatch(/^NAME_SERVER_SILENT: .*ECONNREFUSED/);
  });

  it('that is signed must be signed in every part, by this key', async () => {
    const plan = planFor({ allow: [{ tsigSecret: 'copies' }, { ranges: ['127.0.0.1/32'] }] });
    const primary = await startPrimary(plan, [zoneOf(1, manyRecords(500))]);
    cleanUp.push(() => primary.close());
    expect(await outcomeOf(primary.port, { tsig: KEY })).toHaveLength(502);
    expect(await outcomeOf(primary.port, { tsig: STRANGER })).toMatch(/^TSIG_REJECTED: .*another secret/);
    expect(await outcomeOf(primary.port, { tsig: { ...KEY, name: parseName('nobody.test') } })).toMatch(
      /^TSIG_REJECTED: .*does not know the key/,
    );
    expect(await outcomeOf(primary.port, { tsig: KEY, wallMs: () => Date.now() - 1_000_000 })).toMatch(
      /^TSIG_REJECTED: .*clock/,
    );
    const unsigned = await pretend((query, socket) => {
      socket.write(message(query, [soa(1), soa(1)]));
    });
    expect(await outcomeOf(unsigned, { tsig: KEY })).toMatch(/^TSIG_REJECTED: .*not signed/);
  });

  it('asks in plain DNS, without EDNS, which old servers do not know', async () => {
    let asked: Message | undefined;
    const port = await pretend((query, socket) => {
      asked = query;
      socket.write(message(query, [soa(1), soa(1)]));
    });
    await outcomeOf(port);
    const { questions, edns } = makeQuery(0, { name: ORIGIN, type: TYPE.AXFR, class: CLASS.IN });
    expect(asked).toMatchObject({ questions, edns: undefined });
    expect(edns).toBeDefined();
  });
});

describe('what changed since a version of a zone', () => {
  const held = soa(5).rdata;
  const changesFrom = async (port: number): Promise<unknown> => {
    if (held.type !== 'SOA') throw new Error('no SOA');
    return transferChanges({ address: '127.0.0.1', port, zone: ORIGIN }, held);
  };

  it('is asked for with the SOA held, and comes over as many messages as the server likes', async () => {
    const asked: Message[] = [];
    const port = await pretend((query, socket) => {
      asked.push(query);
      for (const one of [soa(6), soa(5), www, soa(6)])
        socket.write(message(query, [one], { authorities: [] }));
      socket.write(message(query, [soa(6)], { authorities: [] }));
    });
    expect(await changesFrom(port)).toEqual({
      kind: 'differences',
      differences: [{ removed: [soa(5), www], added: [soa(6)] }],
    });
    expect(asked.map(({ questions, authorities }) => [questions[0]?.type, authorities[0]?.rdata])).toEqual([
      [TYPE.IXFR, held],
    ]);
  });

  it('is nothing when the server has that version', async () => {
    const port = await pretend((query, socket) =>
      socket.write(message(query, [soa(5)], { authorities: [] })),
    );
    expect(await changesFrom(port)).toEqual({ kind: 'current' });
  });

  it('is an error when the connection ends before it does', async () => {
    const port = await pretend((query, socket) =>
      socket.end(message(query, [soa(6), soa(5), www], { authorities: [] })),
    );
    await expect(changesFrom(port)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
  });

  it('is an error when what comes is no message', async () => {
    const port = await pretend((_query, socket) => socket.write(frame(Buffer.from('nonsense'))));
    await expect(changesFrom(port)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
  });
});
