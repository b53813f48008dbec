import type { Family } from '../providers/metrics.ts';
import type { QuotaService } from './service.ts';

/** What the hub counts of the limits it shares out. */
export function quotaMetrics(quota: Pick<QuotaService, 'stats'>, gauge: Family, counter: Family): void {
  counter('portolan_quota_exchanges_total', "Agents' requests for quota that were answered", [], (set) =>
    set({}, quota.stats.exchanges),
  );
  counter('portolan_quota_entries_total', 'Keys in those requests', [], (set) =>
    set({}, quota.stats.entries),
  );
  counter('portolan_quota_grants_total', 'Holdings that the answers told of', [], (set) =>
    set({}, quota.stats.grants),
  );
  counter(
    'portolan_quota_unanswered_total',
    'Requests that were not answered: a newer one of the agent came while the store was slow, this hub grants nothing any more, it could not be read, there are no limits',
    ['reason'],
    (set) => {
      const { overtaken, refused } = quota.stats;
      for (const [reason, count] of Object.entries({ overtaken, ...refused })) set({ reason }, count);
    },
  );
  counter('portolan_quota_commits_total', 'Commits of the ledger', [], (set) => set({}, quota.stats.commits));
  counter('portolan_quota_commit_failures_total', 'Commits of the ledger that the store refused', [], (set) =>
    set({}, quota.stats.commitFailures),
  );
  counter('portolan_quota_commit_seconds_total', 'Time that commits of the ledger took', [], (set) =>
    set({}, quota.stats.commitMs / 1000),
  );
  counter('portolan_quota_pages_written_total', 'Pages of the ledger that were written', [], (set) =>
    set({}, quota.stats.pagesWritten),
  );
  gauge('portolan_quota_pages', 'Pages of the ledger in the store', [], (set) => set({}, quota.stats.pages));
  gauge('portolan_quota_waiting', 'Requests for quota that wait for the store', [], (set) =>
    set({}, quota.stats.waiting),
  );
  gauge('portolan_quota_limits', 'Rates of limits that are shared out', [], (set) =>
    set({}, quota.stats.budgets),
  );
  gauge('portolan_quota_sessions', 'Data processes of agents that have a part of some limit', [], (set) =>
    set({}, quota.stats.ledger?.sessions ?? 0),
  );
  gauge('portolan_quota_keys', 'Keys of limits in use', [], (set) => set({}, quota.stats.ledger?.keys ?? 0));
  gauge('portolan_quota_session_keys', 'Keys in use, counted for each session that has them', [], (set) =>
    set({}, quota.stats.ledger?.entries ?? 0),
  );
  gauge(
    'portolan_quota_clock_offset_seconds',
    'How far the wall clock is ahead of the clock that windows are counted by, which follows it slowly',
    [],
    (set) => set({}, (quota.stats.clockOffsetMs ?? 0) / 1000),
  );
  gauge(
    'portolan_quota_stopped',
    '1 while this hub grants nothing of any limit: fenced (another hub has taken over the store), or damaged (the ledger cannot be read)',
    ['reason'],
    (set) => {
      for (const reason of ['fenced', 'damaged'] as const)
        set({ reason }, quota.stats.stopped === reason ? 1 : 0);
    },
  );
}
