import { describeBeside, seedsOf } from './dns-differential/beside.ts';
import { DIFFERENCES } from './dns-differential/known-differences.ts';
import { signedQueries } from './dns-differential/random-queries.ts';
import { SIGNED_DIFFERENCES } from './dns-differential/signed-differences.ts';

/** Other types asked for at every name, beside its own. */
const TYPES_PER_NAME = 1;

await describeBeside({
  suite: 'signed answers beside Knot and BIND',
  seeds: seedsOf(Number(process.env.PORTOLAN_DIFFERENTIAL_SIGNED_WORLDS ?? 3)),
  signed: true,
  queriesOf: (world) => signedQueries(world, TYPES_PER_NAME),
  table: [...SIGNED_DIFFERENCES, ...DIFFERENCES],
  rowsNeeded: SIGNED_DIFFERENCES,
  minimumPairsPerWorld: 2000,
});
