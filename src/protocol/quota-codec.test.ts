import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QuotaReply, QuotaRequest } from '../quota/messages.ts';
import { QuotaReplySchema, QuotaRequestSchema } from './generated/portolan_pb.js';
import { decodeQuotaReply, decodeQuotaRequest, encodeQuotaReply, encodeQuotaRequest } from './quota-codec.ts';

const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const amount = fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => value + 0);
const id = fc.integer({ min: 0, max: 0xffff_ffff });
const shares = fc.array(
  fc.record({ scope: fc.string(), millionths: fc.integer({ min: 0, max: 1_000_000 }) }),
  {
    maxLength: 3,
  },
);

const request: fc.Arbitrary<QuotaRequest> = fc.record(
  {
    session: fc.string(),
    sentMs: amount,
    ledger: fc.string(),
    budgets: whole,
    waiver: fc.record({ sinceMs: amount, untilMs: amount }),
    shares,
    names: fc.array(fc.record({ id, budget: fc.string(), key: fc.string() }), { maxLength: 4 }),
    entries: fc.array(
      fc.record({
        id,
        demand: amount,
        waiting: whole,
        holdings: fc.array(
          fc.record(
            {
              startMs: whole,
              returned: whole,
              spent: whole,
              marks: fc.array(fc.record({ spent: whole, ageMs: amount }), { minLength: 1, maxLength: 3 }),
            },
            { requiredKeys: ['startMs', 'returned', 'spent'] },
          ),
          { maxLength: 3 },
        ),
      }),
      { maxLength: 5 },
    ),
  },
  { requiredKeys: ['session', 'sentMs', 'ledger', 'budgets', 'shares', 'names', 'entries'] },
);

const reply: fc.Arbitrary<QuotaReply> = fc.record({
  session: fc.string(),
  ledger: fc.string(),
  epoch: whole,
  hubMs: amount,
  sentMs: amount,
  closed: fc.boolean(),
  leaseMs: amount,
  intervalMs: amount,
  shares,
  entries: fc.array(
    fc.record({
      id,
      limit: whole,
      horizonMs: amount,
      holdings: fc.array(
        fc.record({
          startMs: whole,
          endMs: whole,
          granted: whole,
          left: fc.integer({ min: -1000, max: 1_000_000 }),
          elsewhere: whole,
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 5 },
  ),
  unknown: fc.array(id, { maxLength: 3 }),
});

describe('quota messages', () => {
  it('are after the wire what they were before', () => {
    fc.assert(
      fc.property(request, (sent) => {
        const octets = toBinary(QuotaRequestSchema, encodeQuotaRequest(sent));
        expect(decodeQuotaRequest(fromBinary(QuotaRequestSchema, octets))).toEqual(sent);
      }),
    );
    fc.assert(
      fc.property(reply, (sent) => {
        const octets = toBinary(QuotaReplySchema, encodeQuotaReply(sent));
        expect(decodeQuotaReply(fromBinary(QuotaReplySchema, octets))).toEqual(sent);
      }),
    );
  });

  const sample: QuotaRequest = {
    session: 's',
    sentMs: 1,
    ledger: '',
    budgets: 1,
    shares: [],
    names: [],
    entries: [{ id: 0, demand: 1, waiting: 0, holdings: [{ startMs: 0, returned: 1, spent: 2 }] }],
  };

  it.each([
    ['a column that is short', { demand: [] }],
    ['more holdings than there are', { holdingCounts: [2] }],
    ['fewer holdings than there are', { holdingCounts: [0] }],
    ['marks that are not there', { markCounts: [1] }],
    ['a negative return', { returned: [-1] }],
    ['half a hit', { spent: [0.5] }],
    ['a number beyond what is exact', { spent: [2 ** 53] }],
    ['demand that is none', { demand: [Number.NaN] }],
    ['endless demand', { demand: [Number.POSITIVE_INFINITY] }],
    ['no time', { sentMs: Number.NaN }],
  ])('are refused with %s', (_, change) => {
    const message = Object.assign(encodeQuotaRequest(sample), change);
    expect(() => decodeQuotaRequest(message)).toThrow('do not fit together');
  });

  it('are refused as replies with a grant that is none', () => {
    const message = encodeQuotaReply({
      session: 's',
      ledger: 'l',
      epoch: 1,
      hubMs: 1,
      sentMs: 1,
      closed: false,
      leaseMs: 1,
      intervalMs: 1,
      shares: [],
      entries: [{ id: 0, limit: 1, horizonMs: 0, holdings: [{ startMs: 0, endMs: 1, granted: 1, left: 0 }] }],
      unknown: [],
    });
    message.granted[0] = -1;
    expect(() => decodeQuotaReply(message)).toThrow('do not fit together');
  });
});
