import { expect, it } from 'vitest';
import { describeBeside, seedsOf } from './dns-differential/beside.ts';
import { differencesPage } from './dns-differential/differences-page.ts';
import { DIFFERENCES } from './dns-differential/known-differences.ts';
import { randomQueries } from './dns-differential/random-queries.ts';
import { SIGNED_DIFFERENCES } from './dns-differential/signed-differences.ts';

/** Other types asked for at every name, beside its own. */
const TYPES_PER_NAME = 3;

it('the page on differences says what the table says', async () => {
  await expect(differencesPage()).toMatchFileSnapshot('../../docs/dns-differences.md');
});

it('every row of the tables has a name of its own', () => {
  const ids = [...DIFFERENCES, ...SIGNED_DIFFERENCES].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

await describeBeside({
  suite: 'answers beside Knot and BIND',
  seeds: seedsOf(Number(process.env.PORTOLAN_DIFFERENTIAL_WORLDS ?? 8)),
  signed: false,
  queriesOf: (world) => randomQueries(world, TYPES_PER_NAME),
  table: DIFFERENCES,
  rowsNeeded: DIFFERENCES,
  minimumPairsPerWorld: 5000,
});
