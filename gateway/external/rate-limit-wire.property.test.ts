import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from '../../src/protocol/envoy/generated/envoy/service/ratelimit/v3/rls_pb.js';
import { rateLimitFrame, readRateLimitRequest } from './rate-limit-wire.ts';

const RUNS = 500;
const text = fc.oneof(
  fc.string({ maxLength: 12, unit: 'grapheme' }),
  fc.string({ minLength: 120, maxLength: 300 }),
);
const descriptor = fc.record({
  entries: fc.uniqueArray(fc.record({ key: text, value: text }), {
    maxLength: 4,
    selector: ({ key }) => key,
  }),
  limit: fc.option(fc.record({ requestsPerUnit: fc.nat(), unit: fc.constant(2) }), { nil: undefined }),
  hitsAddend: fc.option(fc.bigInt(0n, 2n ** 40n), { nil: undefined }),
  isNegativeHits: fc.boolean(),
});

it('reads what the generated code writes', () => {
  fc.assert(
    fc.property(text, fc.array(descriptor, { maxLength: 4 }), fc.nat(), (domain, descriptors, hitsAddend) => {
      const message = create(RateLimitRequestSchema, { domain, descriptors, hitsAddend });
      const read = readRateLimitRequest(Buffer.from(toBinary(RateLimitRequestSchema, message)));
      expect(read.domain).toBe(domain);
      expect(read.hitsAddend).toBe(hitsAddend);
      expect(read.descriptors.map((own) => Object.entries(own).sort())).toEqual(
        descriptors.map(({ entries }) => entries.map(({ key, value }) => [key, value]).sort()),
      );
      const own = descriptors.map(({ hitsAddend: hits, isNegativeHits }) =>
        hits === undefined ? -1 : isNegativeHits ? 0 : Number(hits),
      );
      expect(read.ownHits).toBe(Math.max(-1, ...own));
    }),
    { numRuns: RUNS },
  );
});

it('reads any octets without hanging: a message, or a RangeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      try {
        readRateLimitRequest(Buffer.from(octets));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: RUNS * 4 },
  );
});

it('writes what the generated code reads', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2),
      fc.nat(5),
      fc.array(fc.tuple(text, text), { maxLength: 6 }),
      (code, count, pairs) => {
        const frame = rateLimitFrame(code === 1 ? 1 : 2, count, pairs.flat());
        expect(frame.readUInt32BE(1)).toBe(frame.length - 5);
        const message = fromBinary(RateLimitResponseSchema, frame.subarray(5));
        expect(message.overallCode).toBe(code);
        expect(message.statuses.map((status) => status.code)).toEqual(
          Array.from({ length: count }, () => code),
        );
        expect(message.responseHeadersToAdd.map(({ key, value }) => [key, value])).toEqual(pairs);
      },
    ),
    { numRuns: RUNS },
  );
});
