import type { DrillCountryReport, DrillEvent, DrillReport } from '../../src/resources/drill.ts';

/** One question to one name server during a drill. Times are milliseconds since the fault began (negative: before). */
export interface AnswerSample {
  readonly atMs: number;
  readonly server: string;
  readonly hostname: string;
  readonly country: string;
  /** Addresses, or the CNAME's target. */
  readonly answers: readonly string[];
  readonly ttlSeconds: number;
  readonly error?: string;
}

/** Totals read from one endpoint's metrics. */
export interface RequestSample {
  readonly atMs: number;
  readonly endpoint: string;
  readonly requests: number;
  readonly errors: number;
}

/** Samples as they come, by the runner's own clock; read back relative to an instant, such as the start of the fault. */
export interface SampleLog {
  add(
    clockMs: number,
    answers: readonly Omit<AnswerSample, 'atMs'>[],
    requests: readonly Omit<RequestSample, 'atMs'>[],
  ): void;
  answersSince(originMs: number): readonly AnswerSample[];
  requestsSince(originMs: number): readonly RequestSample[];
}

export function createSampleLog(): SampleLog {
  const answers: AnswerSample[] = [];
  const requests: RequestSample[] = [];
  const relative = <S extends { readonly atMs: number }>(
    samples: readonly S[],
    originMs: number,
  ): readonly S[] => samples.map((s) => ({ ...s, atMs: Math.round(s.atMs - originMs) }));
  return {
    add(clockMs, seen, counted) {
      answers.push(...seen.map((s) => ({ ...s, atMs: clockMs })));
      requests.push(...counted.map((s) => ({ ...s, atMs: clockMs })));
    },
    answersSince: (originMs) => relative(answers, originMs),
    requestsSince: (originMs) => relative(requests, originMs),
  };
}

export interface ReportInput {
  readonly answers: readonly AnswerSample[];
  readonly requests: readonly RequestSample[];
  /** Addresses of the cluster that was taken out. */
  readonly faulted: ReadonlySet<string>;
  readonly detectMs?: number;
  readonly decideMs?: number;
  readonly publishMs?: number;
  /** When the rollback began. */
  readonly rollbackMs: number;
  readonly recoverMs?: number;
  readonly outcome: string;
}

/**
 * The measured report. `converged` is the first round after the last answer, at any name server, that still used the
 * cluster; so one late server is not averaged away.
 */
export function drillReport(input: ReportInput): DrillReport {
  const countries = pairsOf(input.answers).map(([hostname, country]) =>
    countryReport(input, hostname, country),
  );
  const converged = countries.flatMap((c) => (c.convergedMs === undefined ? [] : [c.convergedMs]));
  const cached = input.answers.filter(
    (s) => usesCluster(s, input.faulted) && s.atMs <= (converged.length > 0 ? Math.max(...converged) : 0),
  );
  return {
    ...optional('detectMs', input.detectMs),
    ...optional('decideMs', input.decideMs),
    ...optional('publishMs', input.publishMs),
    ...optional('convergeMs', converged.length === 0 ? undefined : Math.max(...converged)),
    ...optional(
      'staleTailMs',
      cached.length === 0 ? undefined : Math.max(...cached.map((s) => s.ttlSeconds * 1000)),
    ),
    ...optional('recoverMs', input.recoverMs),
    countries,
    requests: requestReport(input),
    outcome: input.outcome,
  };
}

/** When the last name server stopped answering with the cluster, over samples of the fault; `undefined` when one still does. */
export function convergedAt(
  samples: readonly AnswerSample[],
  faulted: ReadonlySet<string>,
  untilMs: number,
): number | undefined {
  const during = samples.filter((s) => s.atMs >= 0 && s.atMs < untilMs && s.error === undefined);
  const last = Math.max(-1, ...during.filter((s) => usesCluster(s, faulted)).map((s) => s.atMs));
  const clean = during.filter((s) => s.atMs > last).map((s) => s.atMs);
  return clean.length === 0 ? undefined : Math.min(...clean);
}

function countryReport(input: ReportInput, hostname: string, country: string): DrillCountryReport {
  const own = input.answers.filter((s) => s.hostname === hostname && s.country === country);
  const during = own.filter((s) => s.atMs >= 0 && s.atMs < input.rollbackMs);
  const usedBefore =
    own.some((s) => s.atMs < 0 && usesCluster(s, input.faulted)) ||
    during.some((s) => usesCluster(s, input.faulted));
  const converged = usedBefore ? convergedAt(own, input.faulted, input.rollbackMs) : undefined;
  const settled = during.filter((s) => converged === undefined || s.atMs >= converged);
  return {
    country,
    hostname,
    before: distinct(own.filter((s) => s.atMs < 0)),
    during: distinct(settled),
    after: distinct(lastRounds(own.filter((s) => s.atMs >= input.rollbackMs))),
    ...optional('convergedMs', converged),
  };
}

/** Rounds at the end of a drill that show what the answers settled on. */
export const SETTLED_ROUNDS = 3;

function lastRounds(samples: readonly AnswerSample[]): readonly AnswerSample[] {
  const rounds = [...new Set(samples.map((s) => s.atMs))].sort((a, b) => a - b);
  const from = rounds.at(-SETTLED_ROUNDS) ?? 0;
  return samples.filter((s) => s.atMs >= from);
}

function requestReport(input: ReportInput): DrillReport['requests'] {
  const endpoints = [...new Set(input.requests.map((r) => r.endpoint))].sort();
  return endpoints.map((endpoint) => {
    const own = input.requests.filter((r) => r.endpoint === endpoint);
    const before = growth(own.filter((r) => r.atMs <= 0));
    const during = growth(own.filter((r) => r.atMs >= 0 && r.atMs <= input.rollbackMs));
    const after = growth(own.filter((r) => r.atMs >= input.rollbackMs));
    return {
      endpoint,
      before: before.requests,
      during: during.requests,
      after: after.requests,
      errors: during.errors + after.errors,
    };
  });
}

/** Growth of counters over samples in order; a counter that fell was reset and counts from zero (as Prometheus' `increase`). */
export function growth(samples: readonly RequestSample[]): {
  readonly requests: number;
  readonly errors: number;
} {
  let requests = 0;
  let errors = 0;
  for (let i = 1; i < samples.length; i += 1) {
    const previous = samples[i - 1];
    const current = samples[i];
    if (previous === undefined || current === undefined) continue;
    requests +=
      current.requests >= previous.requests ? current.requests - previous.requests : current.requests;
    errors += current.errors >= previous.errors ? current.errors - previous.errors : current.errors;
  }
  return { requests, errors };
}

export function usesCluster(sample: AnswerSample, faulted: ReadonlySet<string>): boolean {
  return sample.answers.some((a) => faulted.has(a));
}

function pairsOf(samples: readonly AnswerSample[]): readonly (readonly [string, string])[] {
  const pairs = new Map(
    samples.map((s) => [`${s.hostname}\0${s.country}`, [s.hostname, s.country] as const]),
  );
  return [...pairs.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair);
}

function distinct(samples: readonly AnswerSample[]): readonly string[] {
  return [...new Set(samples.flatMap((s) => s.answers))].sort();
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}

/** Appends to a timeline; a drill that runs for a day must not grow without bound. */
export function withEvent(timeline: readonly DrillEvent[], event: DrillEvent): readonly DrillEvent[] {
  const MAX_EVENTS = 200;
  return timeline.length >= MAX_EVENTS ? [...timeline.slice(0, MAX_EVENTS - 1), event] : [...timeline, event];
}
