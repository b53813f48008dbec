import { expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { corpusOf } from '../fuzz/dns/corpus.ts';
import { fuzzDns } from '../fuzz/dns/run.ts';
import { TARGETS } from '../fuzz/dns/targets.ts';

/** A short run with a new seed each time; `npm test -- --long` makes it ten minutes, as `npm run fuzz -- dns` does. */
const SECONDS = Number(process.env.PORTOLAN_FUZZ_SECONDS ?? 10);

it('I23 what broke something once, and what looks as if it could, breaks nothing', () => {
  let tried = 0;
  for (const target of TARGETS) {
    for (const { file, input } of corpusOf(target.name)) {
      tried += 1;
      try {
        target.run(input);
      } catch (error) {
        expect(error, file).toBeInstanceOf(PortolanError);
        expect(error, file).not.toMatchObject({ code: 'INTERNAL' });
      }
    }
  }
  expect(tried).toBeGreaterThan(10);
});

it('I23 changed inputs make nothing throw, hang or grow, and the sockets answer afterwards', {
  timeout: 60_000 + SECONDS * 2000,
}, async () => {
  const said: string[] = [];
  const failures = await fuzzDns({
    seed: Math.floor(Math.random() * 2 ** 31),
    seconds: SECONDS,
    keep: false,
    say: (line) => said.push(line),
  });
  expect(failures, said.join('\n')).toEqual([]);
  expect(said.join('\n')).toMatch(/codec: \d{4,} inputs/);
  expect(said.join('\n')).toMatch(/sockets: \d{3,} datagrams/);
});
