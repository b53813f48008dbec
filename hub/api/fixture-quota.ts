import type { QuotaLimit, QuotaServices } from './quota-services.ts';

/** Limits of a hub that has one in every namespace, not in use. */
export function idleQuotaServices(): QuotaServices {
  const one: QuotaLimit = {
    limit: 'customers/per-customer/60s',
    algorithm: 'fixed-window',
    hits: 100,
    window: '60s',
    scope: 'team',
    floorPercent: 10,
    keys: [],
  };
  return {
    list: async () => ({ at: '2030-01-01T00:00:00.000Z', items: [one] }),
    explain: async (_, { key }) => ({ limit: one.limit, key, verdict: 'open', explanation: [] }),
    set: async () => one,
    unset: async () => one,
    reset: async () => ({ forgotten: 0, limit: one }),
  };
}
