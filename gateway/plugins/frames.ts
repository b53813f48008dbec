import { z } from 'zod';
import type { GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import type { LimitedRequest, LimitVerdict } from '../external/asked-limits.ts';
import type { UsageCount } from '../usage/usage-counts.ts';

/*
 * What an agent and the services on its machine say to each other over a Unix socket: frames of a length (u32, big endian) and JSON.
 * Only who may open the socket takes part; both ends check what they read, since they may be of different releases.
 */

/** Of a release that changes the meaning of a frame; the other end then refuses to talk. */
export const PLUGIN_PROTOCOL = 1;
const MAX_FRAME_OCTETS = 64 * 1024 * 1024;

export interface WireKey extends Omit<KeyEntry, 'digest'> {
  /** base64 */
  readonly digest: string;
}

export type ToPlugin =
  | { readonly type: 'welcome'; readonly protocol: number }
  | { readonly type: 'configuration'; readonly part: GatewayPart; readonly secrets: GatewaySecrets }
  /** Every key there is follows in pieces; what is not among them until `keysEnd` is no key. */
  | { readonly type: 'keysBegin' }
  | { readonly type: 'keys'; readonly entries: readonly WireKey[] }
  | { readonly type: 'keysEnd' }
  /** The hub said so long ago that nothing is missing; -1: never. */
  | { readonly type: 'heard'; readonly agoMs: number }
  /** What limits say of requests that were asked about, by ticket. */
  | { readonly type: 'limited'; readonly verdicts: readonly (LimitVerdict & { readonly ticket: number })[] };

export type FromPlugin =
  | { readonly type: 'usage'; readonly counts: readonly UsageCount[] }
  /** Requests of one turn that limits are for. */
  | { readonly type: 'limits'; readonly asks: readonly (LimitedRequest & { readonly ticket: number })[] };

const text = z.string().max(4096);
const usage = z.object({
  type: z.literal('usage'),
  counts: z
    .array(
      z.object({
        namespace: text,
        principal: text,
        keyId: text,
        route: text,
        metric: text,
        minuteSeconds: z.number().int().nonnegative(),
        amount: z.number().int().positive(),
      }),
    )
    .max(100_000),
});

const anyMapping = z.record(z.string(), z.unknown());
const long = z.string().max(1_048_576);
const texts = z.array(text).max(1000);
const limits = z.object({
  type: z.literal('limits'),
  asks: z
    .array(
      z.object({
        ticket: z.number().int().nonnegative(),
        policy: text,
        request: z.object({
          id: text,
          method: text,
          scheme: text,
          host: text,
          path: long,
          query: long,
          fields: z.array(long).max(4000),
          httpVersion: z.enum(['1.0', '1.1', '2']),
          source: z.object({ address: text, port: z.number() }),
          // JSON has no undefined: what is so is not there.
          tls: z
            .object({ serverName: text.optional().transform((name) => name), protocol: text })
            .optional()
            .transform((tls) => tls),
          wallMs: z.number(),
        }),
        principal: z.object({
          name: text,
          rule: text,
          method: text,
          roles: texts,
          scopes: texts,
          keyId: text.exactOptional(),
          plan: text.exactOptional(),
          identity: anyMapping,
        }),
        metadata: anyMapping,
        route: z.object({ name: text, namespace: text, rule: text }),
        port: z.number().int(),
      }),
    )
    .max(100_000),
});
export const fromPlugin: z.ZodType<FromPlugin> = z.discriminatedUnion('type', [usage, limits]);

export function frame(message: ToPlugin | FromPlugin): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const framed = Buffer.allocUnsafe(4 + body.length);
  framed.writeUInt32BE(body.length, 0);
  body.copy(framed, 4);
  return framed;
}

export function toWireKey({ digest, ...entry }: KeyEntry): WireKey {
  return { ...entry, digest: Buffer.from(digest).toString('base64') };
}

export function fromWireKey({ digest, ...entry }: WireKey): KeyEntry {
  return { ...entry, digest: Buffer.from(digest, 'base64') };
}

/** Takes a stream of octets apart. @throws Error when a frame is longer than any that is sent, or no JSON */
export function frameReader(heard: (message: unknown) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let octets = 0;
  let wanted = 4;
  return (chunk) => {
    chunks.push(chunk);
    octets += chunk.length;
    while (octets >= wanted) {
      const whole = chunks.length === 1 ? (chunks[0] ?? chunk) : Buffer.concat(chunks);
      const length = whole.readUInt32BE(0);
      if (length > MAX_FRAME_OCTETS) throw new Error(`a frame of ${length} octets`);
      wanted = 4 + length;
      chunks = [whole];
      if (octets < wanted) return;
      const rest = whole.subarray(wanted);
      chunks = [rest];
      octets = rest.length;
      const body = whole.subarray(4, wanted);
      wanted = 4;
      heard(JSON.parse(body.toString('utf8')));
    }
  };
}
