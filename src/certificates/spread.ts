import { createHash } from 'node:crypto';

/** A number in [0, 1) that is the same for the same text, and evenly spread over different ones: a draw that survives restarts. */
export function fractionOf(seed: string): number {
  return createHash('sha256').update(seed).digest().readUIntBE(0, 6) / 2 ** 48;
}
