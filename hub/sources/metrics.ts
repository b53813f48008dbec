import type { Family } from '../providers/metrics.ts';
import type { SourceStatus } from './contract.ts';

/** How the sources fare, of their last pass. */
export function sourceMetrics(statuses: () => readonly SourceStatus[], gauge: Family): void {
  gauge(
    'portolan_source_objects',
    'Objects of a source by what became of them in its last pass',
    ['source', 'state'],
    (set) => {
      for (const { source, objects } of statuses())
        for (const [state, count] of Object.entries(objects)) set({ source, state }, count);
    },
  );
  gauge(
    'portolan_source_last_pass_seconds',
    'When a source was last read and applied, seconds since 1970',
    ['source'],
    (set) => {
      for (const { source, lastPassAt } of statuses())
        if (lastPassAt !== undefined) set({ source }, Date.parse(lastPassAt) / 1000);
    },
  );
  gauge(
    'portolan_source_ready',
    '1 while all of a source could be read and nothing of it is refused, held, in conflict or failed',
    ['source'],
    (set) => {
      for (const { source, ready } of statuses()) set({ source }, ready ? 1 : 0);
    },
  );
}
