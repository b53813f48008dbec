/**
 * `npm run fuzz -- dns [--seconds 600] [--seed 1]`: feeds changed inputs to what reads octets from strangers. Prints its seed, and
 * each input that broke something as hexadecimal; it is kept in the corpus, which every run tries first.
 */
import { parseArgs } from 'node:util';
import { fuzzDns } from './dns/run.ts';

const usage = 'npm run fuzz -- dns [--seconds 600] [--seed N]\n';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string' } },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (positionals.join() !== 'dns' || !(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write(usage);
  process.exit(2);
}
const failures = await fuzzDns({
  seed,
  seconds,
  keep: true,
  say: (line) => process.stdout.write(`${line}\n`),
});
for (const failure of failures) process.stdout.write(`\nFAILED ${failure}\n`);
process.stdout.write(`\n${failures.length} failures\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
