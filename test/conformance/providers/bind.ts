import { rfc2136 as kind } from '../../../providers/rfc2136/provider.ts';
import { startUpdatableBind } from '../../support/primaries.ts';
import { pathOf, requireServer } from '../../support/servers.ts';
import type { ProviderHarness } from '../provider-harness.ts';
import { runUpdatable } from './updatable.ts';

const SUITE = 'provider rfc2136 (BIND)';
const nsupdate = await requireServer('nsupdate', SUITE);
const named = await requireServer('named', SUITE);

/** BIND 9, written by UPDATE. */
export const bind: ProviderHarness = {
  name: 'rfc2136 (BIND)',
  kind,
  server: () => Promise.resolve(nsupdate.available ? named : nsupdate),
  holes: {},
  start: () => runUpdatable((options) => startUpdatableBind(pathOf(named), options), pathOf(nsupdate)),
};
