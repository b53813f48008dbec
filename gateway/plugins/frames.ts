import { z } from 'zod';
import type { GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
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
  | { readonly type: 'heard'; readonly agoMs: number };

export type FromPlugin = { readonly type: 'usage'; readonly counts: readonly UsageCount[] };

const text = z.string().max(4096);
export const fromPlugin: z.ZodType<FromPlugin> = z.object({
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
