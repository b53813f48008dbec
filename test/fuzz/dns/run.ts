import { relative } from 'node:path';
import { keepRegression } from './corpus.ts';
import { fuzzCodec } from './in-process.ts';
import { fuzzSockets } from './sockets.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Half of it is for the codec, half for the sockets of a running server. */
  readonly seconds: number;
  /** Keeps each input that broke something in the corpus. */
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

/** Fuzzes all that takes octets from strangers. @returns one line for each failure */
export async function fuzzDns({ seed, seconds, keep, say }: FuzzOptions): Promise<readonly string[]> {
  say(`seed ${seed}, ${seconds} s`);
  const failures: string[] = [];
  const codec = await fuzzCodec(seed, seconds / 2);
  const outcomes = Object.entries(codec.outcomes).map(([target, count]) => `${target} ${count}`);
  say(`codec: ${codec.tried} inputs, ${codec.failures.length} failures; outcomes: ${outcomes.join(', ')}`);
  for (const { target, hex, message } of codec.failures) {
    const file = keep ? keepRegression(target, Buffer.from(hex, 'hex')) : undefined;
    const kept = file === undefined ? '' : `\n  kept in ${relative(process.cwd(), file)}`;
    failures.push(`${target} (seed ${seed}): ${message}\n  input: ${hex}${kept}`);
  }
  const sockets = await fuzzSockets(seed, seconds / 2);
  const [before, after] = sockets.rss.map((octets) => Math.round(octets / 2 ** 20));
  say(
    `sockets: ${sockets.datagrams} datagrams, ${sockets.streams} streams, ${before} MB before, ${after} MB after`,
  );
  if (sockets.failure !== undefined) {
    const { message, inputs } = sockets.failure;
    failures.push(`sockets (seed ${seed}): ${message}\n  the last inputs:\n  ${inputs.join('\n  ')}`);
  }
  return failures;
}
