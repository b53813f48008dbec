import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { zoneSource } from '../src/dns/testing/zone-source.ts';
import { CLASS, EDNS_OPTION, TYPE } from '../src/dns/types.ts';
import { decodeMessage, encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { Answerer } from './answerer.ts';
import { Gate } from './gate.ts';
import { createProtection, createSharedProtection } from './protection.ts';
import { ProtectionCounters } from './protection-counters.ts';
import { nameServerSettings } from './settings.ts';
import { Statistics } from './statistics.ts';
import { TransferDesk } from './transfer-desk.ts';
import { NO_TRANSFERS } from './transfer-plan.ts';

vi.setConfig({ testTimeout: 60_000 }); // thousands of runs, on machines that do other things too

const table = new AnswerTable([
  compileZoneOrThrow(
    zoneSource({
      records: [
        { name: 'www', type: 'A', data: ['192.0.2.1'] },
        { name: 'huge', type: 'TXT', data: [...'abcdefghijklmnopq'].map((l) => `"${l.repeat(200)}"`) },
      ],
    }),
  ),
]);

function answererWith(settings: object): {
  readonly answerer: Answerer;
  readonly failures: unknown[];
  close(): void;
} {
  const parsed = nameServerSettings.parse(settings);
  const statistics = new Statistics();
  const failures: unknown[] = [];
  const onFailure = (failure: unknown): void => void failures.push(failure);
  const desk = { table: () => table, plan: () => NO_TRANSFERS, statistics, wallMs: Date.now, onFailure };
  const transfers = new TransferDesk(desk);
  const gate = new Gate({
    settings: parsed,
    protection: createProtection(
      parsed.cookies,
      parsed.rateLimit,
      createSharedProtection(parsed.rateLimit),
      Date.now,
    ),
    counters: new ProtectionCounters(statistics.counters),
    idleMs: 10_000,
    onLimited: () => undefined,
  });
  const answerer = new Answerer({
    table: () => table,
    statistics,
    onFailure,
    gate,
    transfers,
  });
  return { answerer, failures, close: () => transfers.close() };
}

const option = fc.record({
  code: fc.oneof(fc.constantFrom(...Object.values(EDNS_OPTION)), fc.nat({ max: 0xffff })),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 48 }),
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    fc.uint8Array({ minLength: 24, maxLength: 24 }),
  ),
});
const query = fc
  .record({
    name: fc.constantFrom(
      'www.example.test',
      'huge.example.test',
      'no.example.test',
      'id.server',
      'example.org',
      '.',
    ),
    type: fc.constantFrom(TYPE.A, TYPE.TXT, TYPE.ANY, TYPE.SOA),
    class: fc.constantFrom(CLASS.IN, CLASS.IN, CLASS.CH, CLASS.ANY),
    options: fc.array(option, { maxLength: 4 }),
    questions: fc.boolean(),
    edns: fc.boolean(),
    udpSize: fc.nat({ max: 0xffff }),
    version: fc.constantFrom(0, 0, 0, 1),
    flip: fc.option(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { nil: undefined }),
  })
  .map(({ name, type, class: qclass, options, questions, edns, udpSize, version, flip }) => {
    const message = makeQuery(1, { name: parseName(name), type, class: qclass });
    const bytes = encodeMessage({
      ...message,
      ...(questions ? {} : { questions: [] }),
      edns: edns ? { udpSize, version, dnssecOk: false, options } : undefined,
    });
    if (flip !== undefined) bytes[flip[0] % bytes.length] = flip[1];
    return bytes;
  });

describe('any datagram', () => {
  it.each([
    ['by default', {}],
    [
      'with tight limits',
      { nsid: 'x'.repeat(128), rateLimit: { answersPerSecond: 5, errorsPerSecond: 5, totalPerSecond: 50 } },
    ],
    [
      'with cookies insisted on',
      { cookies: { require: true }, rateLimit: { slip: 1, negativePerSecond: 1 } },
    ],
    [
      'with everything off',
      { cookies: { enabled: false }, extendedErrors: false, rateLimit: { mode: 'off' } },
    ],
  ])('I24 %s gets an answer of at most 1232 octets, or none, and nothing fails', (_what, settings) => {
    const { answerer, failures, close } = answererWith({ udpOctetsWithCookie: 4096, ...settings });
    const writer = new WireWriter();
    fc.assert(
      fc.property(
        query,
        fc.constantFrom('192.0.2.1', '2001:db8::1', '::ffff:192.0.2.9', 'fe80::1%lo'),
        (bytes, source) => {
          if (!answerer.answer(bytes, source, 'udp', writer)) return;
          const answer = writer.buffer.subarray(0, writer.offset);
          expect(answer.length).toBeLessThanOrEqual(1232); // nobody guesses a cookie
          const message = decodeMessage(answer);
          expect(message.flags.response).toBe(true);
          expect(message.id).toBe(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0));
        },
      ),
      { numRuns: 2000 },
    );
    close();
    expect(failures).toEqual([]);
  });
});
