import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { VoteBatchSchema } from './generated/portolan_pb.js';
import { encodeOnce } from './grpc.ts';
import { sizedWriter } from './sized-writer.ts';

const message = (octets: number) => create(VoteBatchSchema, { votes: [{ detail: 'x'.repeat(octets) }] });

describe('a sized writer', () => {
  it('takes messages until the limit waits, and again when the receiver has taken some', () => {
    const waiting: (() => void)[] = [];
    const writer = sizedWriter(VoteBatchSchema, { write: (_, done) => void waiting.push(done) }, 250);
    expect([writer.send(message(100)), writer.send(message(100)), writer.send(message(100))]).toEqual([
      true,
      true,
      false,
    ]);
    expect(waiting).toHaveLength(2);
    expect(writer.pendingOctets()).toBe(2 * encodeOnce(VoteBatchSchema, message(100)).length);
    waiting[0]?.();
    expect(writer.send(message(100))).toBe(true);
    waiting[1]?.();
    waiting[2]?.();
    expect(writer.pendingOctets()).toBe(0);
  });

  it('takes one message of any size when nothing waits', () => {
    const writer = sizedWriter(VoteBatchSchema, { write: () => undefined }, 10);
    expect(writer.send(message(1_000))).toBe(true);
    expect(writer.send(message(1))).toBe(false);
  });
});
