import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { UsageCount } from './usage-counts.ts';

/*
 * One file of the outbox: a head line, then one line per batch. A line is `CRC32 JSON`; the first line that does not fit ends the file,
 * for it is what a crash left of a write that was never acknowledged.
 */

export interface SegmentHead {
  /** Random; `UsageBatch.outbox` of its batches. Each file has its own, so that no place in it is ever used twice. */
  readonly id: string;
  /** Files whose counts were added up into this one: where they are still there, they no longer count. */
  readonly replaces: readonly string[];
}

export interface Segment {
  readonly head: SegmentHead;
  /** `batches[0]` has sequence 1. */
  readonly batches: readonly (readonly UsageCount[])[];
  /** Octets up to the end of the last whole line. */
  readonly octets: number;
}

const headShape = z.strictObject({ id: z.string().min(1), replaces: z.array(z.string()).readonly() });
const batchShape = z.array(
  z.tuple([z.string(), z.string(), z.string(), z.string(), z.string(), z.number(), z.number()]),
);

export function headLine(head: SegmentHead): Buffer {
  return line(JSON.stringify({ id: head.id, replaces: head.replaces }));
}

export function batchLine(counts: readonly UsageCount[]): Buffer {
  return line(
    JSON.stringify(
      counts.map((c) => [c.namespace, c.principal, c.keyId, c.route, c.metric, c.minuteSeconds, c.amount]),
    ),
  );
}

function line(text: string): Buffer {
  return Buffer.from(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`);
}

/** Undefined when not even the head is whole: nothing of such a file was ever acknowledged. */
export function readSegment(file: Buffer): Segment | undefined {
  let head: SegmentHead | undefined;
  const batches: (readonly UsageCount[])[] = [];
  let at = 0;
  for (;;) {
    const end = file.indexOf(10, at);
    if (end < 0) break;
    const text = file.toString('utf8', at + 9, end);
    if (file.toString('latin1', at, at + 8) !== crc32(text).toString(16).padStart(8, '0')) break;
    const value: unknown = JSON.parse(text);
    if (head === undefined) head = headShape.parse(value);
    else
      batches.push(
        batchShape
          .parse(value)
          .map(([namespace, principal, keyId, route, metric, minuteSeconds, amount]) => ({
            namespace,
            principal,
            keyId,
            route,
            metric,
            minuteSeconds,
            amount,
          })),
      );
    at = end + 1;
  }
  return head === undefined ? undefined : { head, batches, octets: at };
}
