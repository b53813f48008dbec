/** Plays seeds of the quota for `scripts/simulate.ts`: a message says which, the answer what was harmed. */
import { z } from 'zod';
import { playQuota } from './quota-play.ts';

const order = z.object({ from: z.number(), count: z.number() });
const trace = process.argv.includes('--trace');

process.on('message', (message) => {
  const { from, count } = order.parse(message);
  const harms: { readonly seed: number; readonly harm: string }[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const { harm } = playQuota(seed, {
      ...(trace ? { trace: (line) => process.stdout.write(`${line}\n`) } : {}),
    });
    if (harm !== undefined) harms.push({ seed, harm });
  }
  process.send?.({ played: count, harms });
});
