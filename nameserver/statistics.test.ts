import { describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { RCODE, TYPE } from '../src/dns/types.ts';
import { type CounterNews, CounterReader, Counters, familiesOf } from '../src/telemetry/counters.ts';
import { renderMetrics } from '../src/telemetry/metric-text.ts';
import { Statistics, statsOf } from './statistics.ts';

const FLIPS = { name: 'portolan_flips_total', help: 'Flips.', type: 'counter' } as const;
const zone = parseName('example.test');

describe('statistics of one thread', () => {
  it('count responses by zone, transport and code, and types that a client makes up together', () => {
    const statistics = new Statistics();
    statistics.response(zone, 'udp', RCODE.NOERROR);
    statistics.response(zone, 'udp', RCODE.NOERROR);
    statistics.response('', 'tcp', RCODE.REFUSED);
    for (const type of [TYPE.A, 4711, 0, 65_535]) statistics.query(type);
    expect(statistics.read().responses).toEqual([
      { zone: 'example.test.', transport: 'udp', rcode: 'NOERROR', count: 2 },
      { zone: '', transport: 'tcp', rcode: 'REFUSED', count: 1 },
    ]);
    const text = renderMetrics(statistics.read().families);
    expect(text).toContain('portolan_dns_queries_total{type="A"} 1\n');
    expect(text).toContain('portolan_dns_queries_total{type="OTHER"} 3\n');
    expect(text).not.toContain('4711');
  });

  it('time one query in 64, in cumulative buckets', () => {
    const statistics = new Statistics();
    for (let query = 0; query < 640; query += 1) statistics.answered(statistics.begin());
    const text = renderMetrics(statistics.read().families);
    expect(text).toContain('# TYPE portolan_dns_answer_seconds histogram\n');
    expect(text).toContain('portolan_dns_answer_seconds_bucket{le="+Inf"} 10\n');
    expect(text).toContain('portolan_dns_answer_seconds_count 10\n');
    expect(text).toMatch(/portolan_dns_answer_seconds_sum \d/);
  });

  it('have room for whatever else there is to count', () => {
    const counters = new Counters();
    for (let row = 0; row < 2000; row += 1) counters.counter(FLIPS, { row: String(row) }).add(row);
    counters.counter(FLIPS, { row: '7' }).add();
    const [family] = counters.families();
    expect(family?.samples).toHaveLength(2000);
    expect(family?.samples[7]?.value).toBe(8);
    expect(family?.samples[1999]?.value).toBe(1999);
  });
});

describe('statistics of several threads', () => {
  const thread = () => {
    const reader = new CounterReader();
    const told: CounterNews[] = [];
    const statistics = new Statistics((news) => {
      told.push(news);
      reader.hear(news);
    });
    return { reader, statistics, told };
  };

  it('are added up by a reader that shares memory with them, also rows that only one of them has', () => {
    const [a, b] = [thread(), thread()];
    a.statistics.response(zone, 'udp', RCODE.NOERROR);
    b.statistics.response(zone, 'udp', RCODE.NOERROR);
    b.statistics.response(zone, 'udp', RCODE.NXDOMAIN);
    b.statistics.drop('congested');
    a.statistics.tcpConnections(1);
    const stats = statsOf(familiesOf([a.reader.samples, b.reader.samples]));
    expect(stats.responses).toEqual([
      { zone: 'example.test.', transport: 'udp', rcode: 'NOERROR', count: 2 },
      { zone: 'example.test.', transport: 'udp', rcode: 'NXDOMAIN', count: 1 },
    ]);
    expect(stats.dropped.congested).toBe(1);
    expect(stats.tcpConnections).toBe(1);
  });

  it('cost no message once a row exists', () => {
    const { statistics, told, reader } = thread();
    statistics.response(zone, 'udp', RCODE.NOERROR);
    const before = told.length;
    for (let query = 0; query < 1000; query += 1) statistics.response(zone, 'udp', RCODE.NOERROR);
    expect(told).toHaveLength(before);
    expect(statsOf(familiesOf([reader.samples])).responses[0]?.count).toBe(1001);
  });

  it('go on in more memory when one piece is full', () => {
    const { statistics, reader, told } = thread();
    for (let row = 0; row < 1500; row += 1) statistics.counters.counter(FLIPS, { row: String(row) }).add(row);
    expect(told.filter(({ kind }) => kind === 'cells')).toHaveLength(4);
    const flips = familiesOf([reader.samples]).find(({ name }) => name === FLIPS.name);
    expect(flips?.samples.map(({ value }) => value)).toEqual(Array.from({ length: 1500 }, (_, row) => row));
  });
});
