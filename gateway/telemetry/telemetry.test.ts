import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { Counters, familiesOf } from '../../src/telemetry/counters.ts';
import { renderMetrics } from '../../src/telemetry/metric-text.ts';
import { NOBODY, type Principal } from '../auth/contract.ts';
import type { GatewayRequest } from '../request.ts';
import { commonAccessLine, jsonAccessLine } from './access-line.ts';
import type { ExchangeRecord } from './contract.ts';
import { createFileSink, createStreamSink } from './log-sink.ts';
import { RequestMetrics } from './request-metrics.ts';
import { accessLogCounters, createTelemetry } from './telemetry.ts';

const CANARY = 'ptk_canary-must-not-be-seen';

const request: GatewayRequest = {
  id: 'r-1',
  method: 'GET',
  scheme: 'https',
  host: 'shop.example.com',
  port: 443,
  path: '/orders/7',
  query: `api_key=${CANARY}&page=2`,
  fields: [
    'authorization',
    `Bearer ${CANARY}`,
    'cookie',
    `session=${CANARY}`,
    'x-api-key',
    CANARY,
    'referer',
    `https://user:${CANARY}@shop.example.com/list?token=${CANARY}#x`,
    'user-agent',
    'curl/8 "quoted"\n',
  ],
  httpVersion: '2',
  source: { address: '198.51.100.7', port: 4711, peer: '198.51.100.7', trusted: false },
  tls: { serverName: 'shop.example.com', protocol: 'TLSv1.3', peerChain: () => [] },
  wallMs: Date.parse('2026-03-04T05:06:07.089Z'),
};
const principal: Principal = {
  ...NOBODY,
  name: 'acme corp',
  rule: 'keys',
  method: 'apiKey',
  keyId: 'k-abc',
  plan: 'gold',
};
const record: ExchangeRecord = {
  request,
  listener: 'shop/edge/https',
  rule: 'shop/orders/0',
  route: 'shop/orders',
  principal,
  status: 200,
  code: '',
  received: 0,
  sent: 64,
  startMs: 1_000,
  authorisedMs: 1_000.25,
  firstByteMs: 1_003,
  endMs: 1_003.5,
  backend: 'shop/orders:80',
  endpoint: '10.0.0.1:80',
  retries: 0,
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};

describe('a line of the access log', () => {
  it('is JSON with who, what, how long and where, and no part of the query', () => {
    expect(JSON.parse(jsonAccessLine(record, 0))).toEqual({
      time: '2026-03-04T05:06:07.089Z',
      requestId: 'r-1',
      client: '198.51.100.7',
      method: 'GET',
      scheme: 'https',
      host: 'shop.example.com',
      path: '/orders/7',
      protocol: 'HTTP/2',
      tls: 'TLSv1.3',
      status: 200,
      received: 0,
      sent: 64,
      durationMs: 3.5,
      authMs: 0.25,
      backendMs: 2.75,
      listener: 'shop/edge/https',
      route: 'shop/orders',
      rule: 'shop/orders/0',
      principal: 'acme corp',
      principalClass: 'apiKey',
      keyId: 'k-abc',
      plan: 'gold',
      backend: 'shop/orders:80',
      endpoint: '10.0.0.1:80',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      userAgent: 'curl/8 "quoted"\n',
      referer: 'https://shop.example.com/list',
    });
  });

  it('is Combined Log Format with the request id, time, route, key and trace behind it', () => {
    expect(commonAccessLine(record, 0)).toBe(
      '198.51.100.7 - acme\\x20corp [04/Mar/2026:05:06:07 +0000] "GET /orders/7 HTTP/2" 200 64 "https://shop.example.com/list" ' +
        '"curl/8 \\x22quoted\\x22\\x0a" r-1 3.5 "shop/orders" k-abc - 0af7651916cd43dd8448eb211c80319c\n',
    );
  });

  it('is there for what could not even be parsed', () => {
    const { principal: _, ...rest } = record;
    const bad = {
      ...rest,
      request: undefined,
      principal: undefined,
      rule: '',
      route: '',
      status: 400,
      code: 'REQUEST_MALFORMED',
    };
    expect(JSON.parse(jsonAccessLine(bad, request.wallMs))).toMatchObject({
      status: 400,
      code: 'REQUEST_MALFORMED',
    });
    expect(commonAccessLine(bad, request.wallMs)).toMatch(
      /^- - - \[04\/Mar\/2026:05:06:07 \+0000\] "-" 400 .* REQUEST_MALFORMED /,
    );
  });

  it.each([
    ['JSON', jsonAccessLine],
    ['Common', commonAccessLine],
  ])('I29 has no credential in %s, wherever it was sent', (_, line) => {
    expect(line(record, 0)).not.toContain(CANARY);
  });

  it.each([
    ['JSON', jsonAccessLine],
    ['Common', commonAccessLine],
  ])('is one line in %s whatever the client writes', (_, line) => {
    const nasty = 'a"\r\n{"status":200}\u2028\u0000\\';
    const text = line(
      {
        ...record,
        request: { ...request, path: `/${nasty}`, host: nasty, method: nasty, fields: ['user-agent', nasty] },
        principal: { ...principal, name: nasty },
      },
      0,
    );
    expect(text.slice(0, -1)).not.toMatch(/[\r\n\0]/);
    expect(text.endsWith('\n')).toBe(true);
  });
});

describe('request metrics', () => {
  const rendered = (counters: Counters): string => renderMetrics(counters.families());

  it('count by route, status class and class of principal, and time in fixed buckets', () => {
    const counters = new Counters();
    const metrics = new RequestMetrics(counters);
    metrics.add(record);
    metrics.add({ ...record, status: 403, code: 'ACCESS_DENIED', firstByteMs: 0, endMs: 1_000.4, sent: 0 });
    const text = rendered(counters);
    expect(text).toContain(
      'portolan_gateway_requests_total{route="shop/orders",status="2xx",principal="apiKey"} 1\n',
    );
    expect(text).toContain(
      'portolan_gateway_requests_total{route="shop/orders",status="4xx",principal="apiKey"} 1\n',
    );
    expect(text).toContain('portolan_gateway_refusals_total{code="ACCESS_DENIED"} 1\n');
    expect(text).toContain(
      'portolan_gateway_request_duration_seconds_bucket{route="shop/orders",le="0.0005"} 1\n',
    );
    expect(text).toContain(
      'portolan_gateway_request_duration_seconds_bucket{route="shop/orders",le="0.0025"} 1\n',
    );
    expect(text).toContain(
      'portolan_gateway_request_duration_seconds_bucket{route="shop/orders",le="0.005"} 2\n',
    );
    expect(text).toContain(
      'portolan_gateway_request_duration_seconds_bucket{route="shop/orders",le="+Inf"} 2\n',
    );
    expect(text).toContain('portolan_gateway_request_duration_seconds_count{route="shop/orders"} 2\n');
    expect(text).toContain('portolan_gateway_backend_duration_seconds_count{route="shop/orders"} 1\n');
  });

  it('of several threads add up', () => {
    const threads = [new Counters(), new Counters()];
    for (const counters of threads) new RequestMetrics(counters).add(record);
    const text = renderMetrics(familiesOf(threads.map(({ samples }) => samples)));
    expect(text).toContain(
      'portolan_gateway_requests_total{route="shop/orders",status="2xx",principal="apiKey"} 2\n',
    );
  });

  it('stay bounded: what is beyond the caps is counted as `other`', () => {
    const counters = new Counters();
    const metrics = new RequestMetrics(counters, { maxRoutes: 3, maxClasses: 2, maxCodes: 2 });
    for (let n = 0; n < 200; n += 1)
      metrics.add({
        ...record,
        route: `shop/${n}`,
        code: `CODE_${n}`,
        principal: { ...principal, method: `method-${n}` },
      });
    const before = counters.samples.length;
    for (let n = 200; n < 400; n += 1)
      metrics.add({
        ...record,
        route: `shop/${n}`,
        code: `CODE_${n}`,
        principal: { ...principal, method: `method-${n}` },
      });
    expect(counters.samples.length).toBe(before);
    const requests = counters.samples.filter(
      ({ metric }) => metric.name === 'portolan_gateway_requests_total',
    );
    expect(new Set(requests.map(({ labels }) => labels.route)).size).toBeLessThanOrEqual(4);
    expect(requests.reduce((sum, { counter }) => sum + counter.value, 0)).toBe(400);
    expect(rendered(counters)).toContain('portolan_gateway_refusals_total{code="other"} 398\n');
  });
});

describe('the access log', () => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  const telemetryWith = (sink: { write(octets: Buffer, lines: number): void }) => {
    const due: (() => void)[] = [];
    const telemetry = createTelemetry({
      counters: new Counters(),
      sink,
      wallMs: () => 0,
      after: (_, task) => {
        due.push(task);
        return () => undefined;
      },
    });
    return { telemetry, due };
  };

  it('gives many lines to the sink at once', () => {
    const given: [string, number][] = [];
    const { telemetry, due } = telemetryWith({
      write: (octets, lines) => given.push([octets.toString(), lines]),
    });
    for (let n = 0; n < 5; n += 1) telemetry.ended(record);
    expect(given).toEqual([]);
    expect(due).toHaveLength(1);
    due[0]?.();
    expect(given.map(([text, lines]) => [text.split('\n').length - 1, lines])).toEqual([[5, 5]]);
    for (let n = 0; n < 200; n += 1) telemetry.ended(record);
    expect(given.length).toBeGreaterThan(1);
  });

  it('has every line whole and in order, however long, and characters of all lengths', () => {
    const given: string[] = [];
    const { telemetry } = telemetryWith({ write: (octets) => given.push(octets.toString()) });
    const paths = Array.from({ length: 60 }, (_, n) => `/${n}/${'ä€😀'.repeat(n * 20)}`);
    for (const path of paths) telemetry.ended({ ...record, request: { ...request, path } });
    telemetry.flush();
    const lines = given.join('').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual(
      paths.map((path) => path.slice(0, 4096)),
    );
  });

  it('has the format of the rule, or of the port where no rule matched', () => {
    const given: string[] = [];
    const { telemetry } = telemetryWith({ write: (octets) => given.push(octets.toString()) });
    const edge = (format: 'json' | 'common' | 'off') => ({
      responseHeaders: {},
      limits: {
        maxBodyBytes: 1,
        maxHeaderBytes: 1,
        headerTimeoutMs: 1,
        bodyIdleTimeoutMs: 1,
        keepAliveTimeoutMs: 1,
        maxConnections: 1,
        maxConcurrentStreams: 1,
      },
      clientAddress: { proxyProtocol: 'off' as const, trustedProxies: [] },
      path: { doubtful: 'refuse' as const },
      accessLog: { format },
    });
    const rule = (id: string, edgeId: string) => ({
      id,
      source: { kind: 'HTTPRoute', name: 'shop/orders' },
      filters: [],
      backends: [],
      callers: [],
      timeouts: {},
      edge: edgeId,
    });
    telemetry.serve({
      ports: [
        {
          port: 443,
          protocol: 'https',
          edge: 'c',
          listeners: [{ id: 'shop/edge/https', source: { kind: 'Gateway', name: 'shop/edge' }, hosts: [] }],
        },
      ],
      rules: { a: rule('a', 'j'), b: rule('b', 'o') },
      edge: { j: edge('json'), c: edge('common'), o: edge('off') },
    });
    const logged = (of: Partial<ExchangeRecord>): string => {
      given.length = 0;
      telemetry.ended({ ...record, ...of });
      telemetry.flush();
      return given.join('');
    };
    expect(logged({ rule: 'a' })).toMatch(/^\{"time"/);
    expect(logged({ rule: 'b' })).toBe('');
    expect(logged({ rule: '' })).toMatch(/^198\.51\.100\.7 - /);
  });

  it('writes a file in whole lines, and opens it anew when it was moved away', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'portolan-access-'));
    folders.push(folder);
    const path = join(folder, 'access.log');
    const counters = accessLogCounters(new Counters());
    const sink = createFileSink(path, counters, () => undefined);
    sink.write(Buffer.from('one\n'), 1);
    const flushed = createFileSink(path, counters, () => undefined);
    flushed.write(Buffer.from('two\n'), 1);
    await flushed.close();
    await sink.close();
    expect((await readFile(path, 'utf8')).split('\n').sort()).toEqual(['', 'one', 'two']);
    await rename(path, `${path}.1`);
    const again = createFileSink(path, counters, () => undefined);
    again.reopen();
    again.write(Buffer.from('three\n'), 1);
    await again.close();
    expect(await readFile(path, 'utf8')).toBe('three\n');
    expect(counters.written.value).toBe(3);
  });

  it('drops and counts lines when the disk fails or the reader does not keep up', async () => {
    const counters = accessLogCounters(new Counters());
    const warnings: string[] = [];
    const sink = createFileSink('/nonexistent/access.log', counters, (_, message) => warnings.push(message));
    sink.write(Buffer.from('a\nb\n'), 2);
    await sink.close();
    expect(counters.dropped.value).toBe(2);
    expect(warnings).toHaveLength(1);

    const stuck = new Writable({ write: () => undefined });
    const slow = createStreamSink(stuck, counters);
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    for (let n = 0; n < 20; n += 1) slow.write(megabyte, 1);
    expect(stuck.writableLength).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(counters.dropped.value).toBe(2 + 12);
    stuck.destroy();
  });
});
