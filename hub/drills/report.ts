import type { DrillEvent, DrillReport } from '../../src/resources/drill.ts';
import type { Observations } from './observations.ts';

export interface ReportInput {
  readonly observations: Pick<Observations, 'countries' | 'convergedMs' | 'requests'>;
  /** Milliseconds since the fault began. */
  readonly detectMs?: number;
  readonly decideMs?: number;
  readonly publishMs?: number;
  /** Milliseconds since the rollback began. */
  readonly recoverMs?: number;
  readonly outcome: string;
}

/** The measured report, in the form that is stored with the drill. */
export function drillReport({ observations, ...input }: ReportInput): DrillReport {
  const { countries } = observations;
  const converged = countries.filter((c) => c.convergedMs !== undefined);
  // What resolvers may go on using is what they were told until the answers changed.
  const staleTtls =
    converged.length > 0
      ? converged.map((c) => c.staleTtlSeconds)
      : countries.map((c) => c.staleTtlBeforeSeconds);
  return {
    ...optional('detectMs', input.detectMs),
    ...optional('decideMs', input.decideMs),
    ...optional('publishMs', input.publishMs),
    ...optional('convergeMs', observations.convergedMs),
    ...optional('staleTailMs', largest(staleTtls.map((s) => (s === undefined ? undefined : s * 1000)))),
    ...optional('recoverMs', input.recoverMs),
    countries: countries.map(({ country, hostname, before, during, after, affected, convergedMs }) => ({
      country,
      hostname,
      before,
      during,
      after,
      affected,
      ...optional('convergedMs', convergedMs),
    })),
    requests: observations.requests.map(({ endpoint, before, during, after }) => ({
      endpoint,
      before: before.requests,
      during: during.requests,
      after: after.requests,
      errors: during.errors + after.errors,
    })),
    outcome: input.outcome,
  };
}

function largest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}

/** Appends to a timeline; a drill that runs for a day must not grow without bound. */
export function withEvent(timeline: readonly DrillEvent[], event: DrillEvent): readonly DrillEvent[] {
  const MAX_EVENTS = 200;
  return timeline.length >= MAX_EVENTS ? [...timeline.slice(0, MAX_EVENTS - 1), event] : [...timeline, event];
}
