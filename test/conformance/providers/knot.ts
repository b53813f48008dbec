import { rfc2136 as kind } from '../../../providers/rfc2136/provider.ts';
import { startUpdatableKnot } from '../../support/primaries.ts';
import { pathOf, requireServer } from '../../support/servers.ts';
import type { ProviderHarness } from '../provider-harness.ts';
import { runUpdatable } from './updatable.ts';

const SUITE = 'provider rfc2136 (Knot)';
const nsupdate = await requireServer('nsupdate', SUITE);
const knotd = await requireServer('knotd', SUITE);

/** Knot DNS, written by UPDATE. */
export const knot: ProviderHarness = {
  name: 'rfc2136 (Knot)',
  kind,
  server: () => Promise.resolve(nsupdate.available ? knotd : nsupdate),
  holes: {},
  start: () => runUpdatable((options) => startUpdatableKnot(pathOf(knotd), options), pathOf(nsupdate)),
};
