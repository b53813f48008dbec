import type { ProviderDesk } from './desk.ts';

/** Makes one family of metrics; its figures are read when it is scraped. */
export type Family = <L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  read: (set: (labels: Record<L, string>, value: number) => void) => void,
) => void;

/** What the hub counts of DNS providers. `provider` is `namespace/name`. */
export function providerMetrics(
  desk: Pick<ProviderDesk, 'accounts' | 'operations' | 'phases' | 'zones' | 'readAges'>,
  gauge: Family,
  counter: Family,
): void {
  counter(
    'portolan_dns_provider_requests_total',
    'Requests sent to a DNS provider, by API action',
    ['provider', 'action'],
    (set) => {
      for (const account of desk.accounts.values())
        for (const { provider, action, count } of account.requests) set({ provider, action }, count);
    },
  );
  counter(
    'portolan_dns_provider_operations_total',
    'Operations on a DNS provider (a list of zones, a read, a batch) by their outcome: ok, or the kind of failure',
    ['provider', 'operation', 'outcome'],
    (set) => {
      for (const { provider, operation, outcome, count } of desk.operations)
        set({ provider, operation, outcome }, count);
    },
  );
  counter(
    'portolan_dns_provider_throttled_total',
    'Times that the account of these DNSProviders was told to slow down',
    ['account'],
    (set) => {
      // Keys of accounts can hold ids of access keys: they are numbered.
      [...desk.accounts.values()].forEach((account, i) => {
        set({ account: String(i) }, account.timesThrottled);
      });
    },
  );
  gauge(
    'portolan_dns_provider_waiting_requests',
    'Requests that wait for their turn, by account',
    ['account'],
    (set) => {
      [...desk.accounts.values()].forEach((account, i) => {
        set({ account: String(i) }, account.waiting);
      });
    },
  );
  for (const [phase, plural] of [
    ['plan', 'plans'],
    ['apply', 'applies'],
  ] as const) {
    counter(`portolan_dns_zone_${phase}_seconds_total`, `Time spent on the ${phase} of zones`, [], (set) =>
      set({}, desk.phases[phase].sumMs / 1000),
    );
    counter(`portolan_dns_zone_${plural}_total`, `How often a zone went through ${phase}`, [], (set) =>
      set({}, desk.phases[phase].count),
    );
  }
  const ofZones = (
    name: string,
    help: string,
    value: (zone: NonNullable<ReturnType<typeof desk.zones.get>>) => number,
  ): void =>
    gauge(name, help, ['provider', 'zone'], (set) => {
      for (const zone of desk.zones.values())
        set({ provider: zone.held.provider, zone: zone.held.wanted.origin }, value(zone));
    });
  ofZones(
    'portolan_dns_zone_names',
    'Names that this hub owns in the zone',
    (z) => z.worker.state.plan?.names ?? 0,
  );
  ofZones(
    'portolan_dns_zone_held_names',
    'Names of the newest plan that wait for a person, or that the provider refused',
    (z) => z.worker.state.held.length,
  );
  ofZones(
    'portolan_dns_zone_pending_names',
    'Names that are not yet as they are wanted',
    (z) => z.names.filter(({ desired }) => !z.worker.state.programmed.has(desired.name)).length,
  );
  ofZones('portolan_dns_zone_failing', '1 while the zone cannot be read or written', (z) =>
    z.worker.state.error === undefined ? 0 : 1,
  );
  gauge(
    'portolan_dns_zone_age_seconds',
    'Since the zone was read from the provider',
    ['provider', 'zone'],
    (set) => {
      for (const [key, seconds] of desk.readAges) {
        const zone = desk.zones.get(key);
        if (zone !== undefined) set({ provider: zone.held.provider, zone: zone.held.wanted.origin }, seconds);
      }
    },
  );
}
