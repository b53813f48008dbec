/** One question to one name server during a drill. */
export interface AnswerSample {
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
  readonly endpoint: string;
  readonly requests: number;
  readonly errors: number;
}

export interface RequestTotals {
  readonly requests: number;
  readonly errors: number;
}

/** What the samples of one hostname and country came to. Times are milliseconds since the fault began. */
export interface CountryRecord {
  readonly hostname: string;
  readonly country: string;
  readonly before: readonly string[];
  /** What it settled on: since the last answer that used the cluster. */
  readonly during: readonly string[];
  /** Since the cluster was back; of the last two seconds when it did not come back. */
  readonly after: readonly string[];
  /** First round after the last answer, at any name server, that used the cluster: one late server is not averaged away. */
  readonly convergedMs: number | undefined;
  /** Largest TTL of an answer that used the cluster. */
  readonly staleTtlSeconds: number | undefined;
  readonly staleTtlBeforeSeconds: number | undefined;
}

/**
 * Samples of a drill as they come, kept as what the report needs of them: a drill of a day takes no more memory than one of a
 * minute. The phases are told by the runner; a sample belongs to the one it was asked in.
 */
export interface Observations {
  beginFault(clockMs: number): void;
  beginRollback(): void;
  /** The cluster is decided up again: what was answered on the way no longer counts as after. */
  endRecovery(): void;
  add(clockMs: number, answers: readonly AnswerSample[], requests: readonly RequestSample[]): void;
  /** When the last name server stopped answering with the cluster; `undefined` while one still does, or nobody answered. */
  readonly convergedMs: number | undefined;
  readonly countries: readonly CountryRecord[];
  readonly requests: readonly ({ readonly endpoint: string } & Readonly<Record<Phase, RequestTotals>>)[];
  /** At all endpoints since the fault began. */
  readonly faultTotals: RequestTotals;
  /** The same, of the last 30 s: a long drill's quiet hours must not hide what fails now. */
  readonly recentTotals: RequestTotals;
}

export type Phase = 'before' | 'during' | 'after';

const LAST_ROUNDS_MS = 2_000;
const RECENT_MS = 30_000;

/** @param faulted what answers with the cluster contain */
export function createObservations(faulted: ReadonlySet<string>): Observations {
  let phase: Phase = 'before';
  let faultAtMs = 0;
  const overall = createTrack();
  const pairs = new Map<string, Pair>();
  const endpoints = new Map<string, Endpoint>();
  let recent: readonly (RequestTotals & { readonly clockMs: number })[] = [];

  function addAnswer(atMs: number, sample: AnswerSample): void {
    const key = `${sample.hostname} ${sample.country}`;
    const pair = pairs.get(key) ?? createPair(sample);
    pairs.set(key, pair);
    const uses = usesCluster(sample, faulted);
    if (uses && phase !== 'after') {
      pair.used = true;
      pair.staleTtlSeconds = Math.max(pair.staleTtlSeconds ?? 0, sample.ttlSeconds);
      if (phase === 'before') pair.staleTtlBeforeSeconds = pair.staleTtlSeconds;
    }
    if (phase === 'before') for (const answer of sample.answers) pair.before.add(answer);
    if (phase === 'during' && sample.error === undefined) {
      follow(overall, atMs, uses, []);
      follow(pair.track, atMs, uses, sample.answers);
      for (const answer of sample.answers) pair.during.add(answer);
    }
    if (phase === 'after') {
      pair.recent = [
        ...pair.recent.filter((r) => r.atMs >= atMs - LAST_ROUNDS_MS),
        { atMs, answers: sample.answers },
      ];
    }
  }

  function addRequests(sample: RequestSample): RequestTotals {
    const known = endpoints.get(sample.endpoint) ?? { totals: emptyTotals(), last: undefined };
    const last = known.last;
    const grown = last === undefined ? NONE : growth(last.sample, sample);
    // What was counted between two samples belongs to the phase that the first of them saw.
    if (last !== undefined) known.totals[last.phase] = plus(known.totals[last.phase], grown);
    endpoints.set(sample.endpoint, { totals: known.totals, last: { sample, phase } });
    return last?.phase === 'during' ? grown : NONE;
  }

  return {
    beginFault(clockMs) {
      phase = 'during';
      faultAtMs = clockMs;
    },
    beginRollback() {
      phase = 'after';
    },
    endRecovery() {
      for (const pair of pairs.values()) pair.recent = [];
    },
    add(clockMs, answers, requests) {
      const atMs = Math.round(clockMs - faultAtMs);
      for (const sample of answers) addAnswer(atMs, sample);
      const grown = requests.map(addRequests).reduce(plus, NONE);
      if (phase === 'during')
        recent = [...recent.filter((r) => r.clockMs > clockMs - RECENT_MS), { ...grown, clockMs }];
    },
    get convergedMs() {
      return overall.firstCleanMs;
    },
    get countries() {
      return [...pairs.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => countryOf(pair));
    },
    get requests() {
      return [...endpoints]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([endpoint, { totals }]) => ({ endpoint, ...totals }));
    },
    get faultTotals() {
      return [...endpoints.values()].map((e) => e.totals.during).reduce(plus, NONE);
    },
    get recentTotals() {
      return recent.reduce<RequestTotals>(plus, NONE);
    },
  };
}

export function usesCluster(sample: AnswerSample, faulted: ReadonlySet<string>): boolean {
  return sample.answers.some((a) => faulted.has(a));
}

/** Growth of counters between two samples; a counter that fell was reset and counts from zero (as Prometheus' `increase`). */
export function growth(before: RequestTotals, now: RequestTotals): RequestTotals {
  const of = (was: number, is: number): number => (is >= was ? is - was : is);
  return { requests: of(before.requests, now.requests), errors: of(before.errors, now.errors) };
}

/** Follows when something was last used, and what came since. */
interface Track {
  lastUsedMs: number;
  firstCleanMs: number | undefined;
  readonly settled: Set<string>;
}

function createTrack(): Track {
  return { lastUsedMs: -1, firstCleanMs: undefined, settled: new Set() };
}

function follow(track: Track, atMs: number, uses: boolean, answers: readonly string[]): void {
  if (uses) {
    track.lastUsedMs = atMs;
    track.firstCleanMs = undefined;
    track.settled.clear();
  } else if (atMs > track.lastUsedMs) {
    track.firstCleanMs ??= atMs;
    for (const answer of answers) track.settled.add(answer);
  }
}

interface Pair {
  readonly hostname: string;
  readonly country: string;
  readonly before: Set<string>;
  readonly during: Set<string>;
  readonly track: Track;
  used: boolean;
  staleTtlSeconds: number | undefined;
  staleTtlBeforeSeconds: number | undefined;
  recent: readonly { readonly atMs: number; readonly answers: readonly string[] }[];
}

function createPair({ hostname, country }: AnswerSample): Pair {
  return {
    hostname,
    country,
    before: new Set(),
    during: new Set(),
    track: createTrack(),
    used: false,
    staleTtlSeconds: undefined,
    staleTtlBeforeSeconds: undefined,
    recent: [],
  };
}

function countryOf(pair: Pair): CountryRecord {
  const convergedMs = pair.used ? pair.track.firstCleanMs : undefined;
  return {
    hostname: pair.hostname,
    country: pair.country,
    before: [...pair.before].sort(),
    during: [...(convergedMs === undefined ? pair.during : pair.track.settled)].sort(),
    after: [...new Set(pair.recent.flatMap((r) => r.answers))].sort(),
    convergedMs,
    staleTtlSeconds: pair.staleTtlSeconds,
    staleTtlBeforeSeconds: pair.staleTtlBeforeSeconds,
  };
}

interface Endpoint {
  readonly totals: Record<Phase, RequestTotals>;
  readonly last: { readonly sample: RequestSample; readonly phase: Phase } | undefined;
}

const NONE: RequestTotals = { requests: 0, errors: 0 };

function emptyTotals(): Record<Phase, RequestTotals> {
  return { before: NONE, during: NONE, after: NONE };
}

function plus(a: RequestTotals, b: RequestTotals): RequestTotals {
  return { requests: a.requests + b.requests, errors: a.errors + b.errors };
}
