import { parseArgs } from 'node:util';
import { z } from 'zod';
import { apiServerAway } from './api-server-away.ts';
import { clocks } from './clocks.ts';
import { expiredWatches } from './expired-watches.ts';

/*
 * Faults of a Kubernetes cluster that take too long for the test suite: `node test/long/main.ts away --minutes 61`, `… clocks`, `… expired`. Each ends with 0
 * when what it promises held. They need root (a mount namespace for the files of a service account), Go and etcd.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '61' } },
});
const minutes = z.coerce.number().positive().parse(values.minutes);
const FAULTS: Readonly<Record<string, () => Promise<boolean>>> = {
  away: () => apiServerAway(minutes * 60_000),
  clocks,
  expired: expiredWatches,
};
const [name = ''] = positionals;
const fault = FAULTS[name];
if (fault === undefined) throw new Error(`name one of ${Object.keys(FAULTS).join(', ')}`);
process.exitCode = (await fault()) ? 0 : 1;
