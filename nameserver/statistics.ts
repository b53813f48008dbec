import type { DomainName } from '../src/dns/name.ts';
import { rcodeName, typeName } from '../src/dns/types.ts';
import { type Counter, type CounterNews, Counters, type Metric } from '../src/telemetry/counters.ts';
import type { Family } from '../src/telemetry/metric-text.ts';

export type Transport = 'udp' | 'tcp' | 'tls';

const TRANSPORTS: readonly Transport[] = ['udp', 'tcp', 'tls'];

/** Why a datagram or connection got no answer. */
export type DropReason =
  /** Less than a header, or itself a response. */
  | 'unanswerable'
  /** The socket's send queue was full. */
  | 'congested'
  /** A connection beyond the limits for the server or for its source. */
  | 'tcpLimit'
  /** A connection that sent nothing complete in time, or did not read. */
  | 'tcpIdle';

const DROP_REASONS: readonly DropReason[] = ['unanswerable', 'congested', 'tcpLimit', 'tcpIdle'];

interface ResponseCount {
  /** Origin of the zone that answered; empty when none did. */
  readonly zone: string;
  readonly transport: Transport;
  /** Response code, such as `NOERROR`. */
  readonly rcode: string;
  readonly count: number;
}

/** Plain numbers since the start; the host renders `families`, the rest is read out of them. */
export interface NameServerStats {
  readonly responses: readonly ResponseCount[];
  readonly truncated: number;
  /** Queries that got SERVFAIL because something of ours threw. */
  readonly failures: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly tcpConnections: number;
  /** Everything that is counted, as metrics. */
  readonly families: readonly Family[];
}

export const RESPONSES: Metric = {
  name: 'portolan_dns_responses_total',
  help: 'Responses of the name server, by the zone that answered (empty: none).',
  type: 'counter',
};
const QUERIES: Metric = {
  name: 'portolan_dns_queries_total',
  help: 'Queries that could be read, by type; the rare ones together as OTHER.',
  type: 'counter',
};
const TRUNCATED: Metric = {
  name: 'portolan_dns_truncated_total',
  help: 'Responses that did not fit (TC).',
  type: 'counter',
};
const FAILURES: Metric = {
  name: 'portolan_dns_failures_total',
  help: 'Queries that got SERVFAIL because something in the server failed.',
  type: 'counter',
};
const DROPPED: Metric = {
  name: 'portolan_dns_dropped_total',
  help: 'Datagrams and connections without an answer.',
  type: 'counter',
};
const TCP_CONNECTIONS: Metric = {
  name: 'portolan_dns_tcp_connections',
  help: 'Open TCP connections of the name server.',
  type: 'gauge',
};
const ANSWER_SECONDS: Metric = {
  name: 'portolan_dns_answer_seconds',
  help: 'Time from the octets of a query to those of its answer; one query in 64 is timed.',
  type: 'histogram',
};

/** Types with a counter of their own: a client must not be able to make new ones. */
const COUNTED_TYPES = [1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 43, 48, 52, 64, 65, 251, 252, 255, 257];
const TYPES = 258;
const RCODES = 24; // NOERROR to BADCOOKIE; anything beyond is counted in the last place
/** Timing costs two readings of the clock: one query in so many. A power of two. */
const TIMED_EVERY = 64;
const BOUNDS_SECONDS = [0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.01, 0.1];

/**
 * What the name server counts in one thread. On the path of a query nothing is allocated. Other parts of the server add
 * rows of their own with `counters.counter(metric, labels)`.
 */
export class Statistics {
  readonly counters: Counters;
  readonly #rows = new Map<DomainName | '', Record<Transport, (Counter | undefined)[]>>();
  readonly #types: readonly Counter[];
  readonly #dropped: Readonly<Record<DropReason, Counter>>;
  readonly #truncated: Counter;
  readonly #failures: Counter;
  readonly #connections: Counter;
  readonly #buckets: readonly Counter[];
  readonly #seconds: Counter;
  readonly #timed: Counter;
  #turn = 0;

  /** @param tell see `Counters`: given in a worker thread, left out in the process's own */
  constructor(tell?: (news: CounterNews) => void) {
    const counters = new Counters(tell);
    this.counters = counters;
    const other = counters.counter(QUERIES, { type: 'OTHER' });
    const types = new Array<Counter>(TYPES).fill(other);
    for (const type of COUNTED_TYPES) types[type] = counters.counter(QUERIES, { type: typeName(type) });
    this.#types = types;
    const dropped = (reason: DropReason): Counter => counters.counter(DROPPED, { reason });
    this.#dropped = {
      unanswerable: dropped('unanswerable'),
      congested: dropped('congested'),
      tcpLimit: dropped('tcpLimit'),
      tcpIdle: dropped('tcpIdle'),
    };
    this.#truncated = counters.counter(TRUNCATED);
    this.#failures = counters.counter(FAILURES);
    this.#connections = counters.counter(TCP_CONNECTIONS);
    this.#buckets = [...BOUNDS_SECONDS.map(String), '+Inf'].map((le) =>
      counters.counter(ANSWER_SECONDS, { le }, '_bucket'),
    );
    this.#seconds = counters.counter(ANSWER_SECONDS, {}, '_sum');
    this.#timed = counters.counter(ANSWER_SECONDS, {}, '_count');
  }

  /** A query of this type could be read. */
  query(type: number): void {
    (this.#types[type] ?? this.#types[0])?.add();
  }

  response(zone: DomainName | '', transport: Transport, rcode: number): void {
    let row = this.#rows.get(zone);
    if (row === undefined) {
      row = { udp: [], tcp: [], tls: [] };
      this.#rows.set(zone, row);
    }
    const at = rcode < RCODES ? rcode : RCODES - 1;
    let counter = row[transport][at];
    if (counter === undefined) {
      counter = this.counters.counter(RESPONSES, { zone, transport, rcode: rcodeName(at) });
      row[transport][at] = counter;
    }
    counter.add();
  }

  drop(reason: DropReason): void {
    this.#dropped[reason].add();
  }

  truncated(): void {
    this.#truncated.add();
  }

  failure(): void {
    this.#failures.add();
  }

  /** Open TCP connections changed. */
  tcpConnections(by: 1 | -1): void {
    this.#connections.add(by);
  }

  /** Begins the timing of a query. @returns 0 when this one is not timed; to be given to `answered` */
  begin(): number {
    this.#turn = (this.#turn + 1) & (TIMED_EVERY - 1);
    return this.#turn === 0 ? performance.now() : 0;
  }

  /** Ends what `begin` began. */
  answered(begun: number): void {
    if (begun === 0) return;
    const seconds = (performance.now() - begun) / 1000;
    this.#seconds.add(seconds);
    this.#timed.add();
    for (let at = BOUNDS_SECONDS.length; at >= 0; at -= 1) {
      const bound = BOUNDS_SECONDS[at] ?? Number.POSITIVE_INFINITY;
      if (seconds > bound) break;
      this.#buckets[at]?.add(); // buckets are cumulative
    }
  }

  read(): NameServerStats {
    return statsOf(this.counters.families());
  }
}

/** The numbers of a name server out of its metrics. */
export function statsOf(families: readonly Family[]): NameServerStats {
  const samples = ({ name }: Metric) => families.find((family) => family.name === name)?.samples ?? [];
  const total = (metric: Metric, reason?: string): number =>
    samples(metric).reduce(
      (sum, { labels, value }) => (reason === undefined || labels?.reason === reason ? sum + value : sum),
      0,
    );
  const dropped = { unanswerable: 0, congested: 0, tcpLimit: 0, tcpIdle: 0 };
  for (const reason of DROP_REASONS) dropped[reason] = total(DROPPED, reason);
  return {
    responses: samples(RESPONSES).map(({ labels, value }) => ({
      zone: String(labels?.zone ?? ''),
      transport: TRANSPORTS.find((name) => name === labels?.transport) ?? 'udp',
      rcode: String(labels?.rcode ?? ''),
      count: value,
    })),
    truncated: total(TRUNCATED),
    failures: total(FAILURES),
    dropped,
    tcpConnections: total(TCP_CONNECTIONS),
    families,
  };
}
