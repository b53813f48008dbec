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

/** What the routing code gives the cluster for one question: no chance in it. */
export interface PlaceShare {
  readonly hostname: string;
  readonly country: string;
  /** Of the (first) answers, 0 to 100. */
  readonly percent: number;
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
  /** The cluster answered there, or was to answer there with some share, before or during the fault. */
  readonly affected: boolean;
  /**
   * First round, at every name server, after the last answer that used the cluster and since routing gives it no share: one late
   * server is not averaged away, and a member that happens not to be drawn is not taken for gone.
   */
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
  /**
   * The cluster's share of every question at the hub, now; to be told before the answers asked at the same time.
   * @param decided the cluster was decided out: only then may no share mean that it was left
   */
  share(clockMs: number, shares: readonly PlaceShare[], decided: boolean): void;
  add(clockMs: number, answers: readonly AnswerSample[], requests: readonly RequestSample[]): void;
  /** The shares as they were last told before the fault. */
  readonly sharesBefore: readonly PlaceShare[];
  /** The shares as they were last told while the fault was held. */
  readonly sharesHeld: readonly PlaceShare[];
  /** Since when no question that is affected gives the cluster a share; `undefined` while one does. */
  readonly emptySinceMs: number | undefined;
  /** When the last country that is affected had converged; `undefined` while one has not, or none is affected. */
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
  const pairs = new Map<string, Pair>();
  /** Name servers that have answered in this drill: a round in which one of them is silent proves nothing. */
  const heard = new Set<string>();
  let sharesBefore: readonly PlaceShare[] = [];
  let sharesHeld: readonly PlaceShare[] = [];
  const endpoints = new Map<string, Endpoint>();
  let recent: readonly (RequestTotals & { readonly clockMs: number })[] = [];

  function pairOf(place: Pick<AnswerSample, 'hostname' | 'country'>): Pair {
    const key = `${place.hostname} ${place.country}`;
    const pair = pairs.get(key) ?? createPair(place);
    pairs.set(key, pair);
    return pair;
  }

  function addShare(atMs: number, share: PlaceShare, decided: boolean): void {
    const pair = pairOf(share);
    if (phase !== 'after' && share.percent > 0) pair.affected = true;
    if (phase !== 'during') return;
    if (decided && share.percent === 0) pair.track.emptySinceMs ??= atMs;
    else pair.track = { ...createTrack(), lastUsedMs: pair.track.lastUsedMs };
  }

  function addAnswer(pair: Pair, atMs: number, sample: AnswerSample): void {
    if (usesCluster(sample, faulted) && phase !== 'after') {
      pair.affected = true;
      pair.staleTtlSeconds = Math.max(pair.staleTtlSeconds ?? 0, sample.ttlSeconds);
      if (phase === 'before') pair.staleTtlBeforeSeconds = pair.staleTtlSeconds;
    }
    if (phase === 'before') for (const answer of sample.answers) pair.before.add(answer);
    if (phase === 'during' && sample.error === undefined)
      for (const answer of sample.answers) pair.during.add(answer);
    if (phase === 'after') {
      pair.recent = [
        ...pair.recent.filter((r) => r.atMs >= atMs - LAST_ROUNDS_MS),
        { atMs, answers: sample.answers },
      ];
    }
  }

  /** All that the name servers said about one place at one time. */
  function addRound(atMs: number, pair: Pair, round: readonly AnswerSample[]): void {
    for (const sample of round) addAnswer(pair, atMs, sample);
    if (phase !== 'during') return;
    const answered = round.filter((s) => s.error === undefined);
    const complete = answered.length > 0 && !round.some((s) => s.error !== undefined && heard.has(s.server));
    follow(pair.track, atMs, {
      uses: answered.some((s) => usesCluster(s, faulted)),
      complete,
      answers: answered.flatMap((s) => s.answers),
    });
  }

  const affected = (): readonly Pair[] => [...pairs.values()].filter((pair) => pair.affected);

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
    share(clockMs, shares, decided) {
      if (phase === 'before') sharesBefore = shares;
      if (phase === 'during') sharesHeld = shares;
      for (const share of shares) addShare(Math.round(clockMs - faultAtMs), share, decided);
    },
    add(clockMs, answers, requests) {
      const atMs = Math.round(clockMs - faultAtMs);
      for (const { server, error } of answers) if (error === undefined) heard.add(server);
      const rounds = Map.groupBy(answers, (sample) => pairOf(sample));
      for (const [pair, round] of rounds) addRound(atMs, pair, round);
      const grown = requests.map(addRequests).reduce(plus, NONE);
      if (phase === 'during')
        recent = [...recent.filter((r) => r.clockMs > clockMs - RECENT_MS), { ...grown, clockMs }];
    },
    get sharesBefore() {
      return sharesBefore;
    },
    get sharesHeld() {
      return sharesHeld;
    },
    get emptySinceMs() {
      return latest(affected().map((pair) => pair.track.emptySinceMs));
    },
    get convergedMs() {
      return latest(affected().map((pair) => pair.track.firstCleanMs));
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

/** Follows when a place last used the cluster and when routing left it, and what came since. */
interface Track {
  lastUsedMs: number;
  emptySinceMs: number | undefined;
  firstCleanMs: number | undefined;
  readonly settled: Set<string>;
}

function createTrack(): Track {
  return { lastUsedMs: -1, emptySinceMs: undefined, firstCleanMs: undefined, settled: new Set() };
}

function follow(
  track: Track,
  atMs: number,
  round: { readonly uses: boolean; readonly complete: boolean; readonly answers: readonly string[] },
): void {
  if (round.uses) {
    track.lastUsedMs = atMs;
    track.firstCleanMs = undefined;
    track.settled.clear();
  } else if (track.emptySinceMs !== undefined && atMs >= track.emptySinceMs && atMs > track.lastUsedMs) {
    if (round.complete) track.firstCleanMs ??= atMs;
    if (track.firstCleanMs !== undefined) for (const answer of round.answers) track.settled.add(answer);
  }
}

/** The latest of times that must all be there; `undefined` when one is not, or there are none. */
function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((t) => t !== undefined);
  return known.length === 0 || known.length < times.length ? undefined : Math.max(...known);
}

interface Pair {
  readonly hostname: string;
  readonly country: string;
  readonly before: Set<string>;
  readonly during: Set<string>;
  track: Track;
  affected: boolean;
  staleTtlSeconds: number | undefined;
  staleTtlBeforeSeconds: number | undefined;
  recent: readonly { readonly atMs: number; readonly answers: readonly string[] }[];
}

function createPair({ hostname, country }: Pick<AnswerSample, 'hostname' | 'country'>): Pair {
  return {
    hostname,
    country,
    before: new Set(),
    during: new Set(),
    track: createTrack(),
    affected: false,
    staleTtlSeconds: undefined,
    staleTtlBeforeSeconds: undefined,
    recent: [],
  };
}

function countryOf(pair: Pair): CountryRecord {
  const convergedMs = pair.affected ? pair.track.firstCleanMs : undefined;
  return {
    hostname: pair.hostname,
    country: pair.country,
    before: [...pair.before].sort(),
    during: [...(convergedMs === undefined ? pair.during : pair.track.settled)].sort(),
    after: [...new Set(pair.recent.flatMap((r) => r.answers))].sort(),
    affected: pair.affected,
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
