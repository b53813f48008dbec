import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { createRoutedTable } from '../../nameserver/routed-table.ts';
import { createNameService, type NameService } from '../../nameserver/service.ts';
import { nameServerSettings } from '../../nameserver/settings.ts';
import { NO_TRANSFERS } from '../../nameserver/transfer-plan.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { createStateView } from '../../src/health/state-view.ts';
import { zoneSpec } from '../../src/resources/zone.ts';
import { containing } from '../support/matchers.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const capture = await requireServer('fstrmCapture', 'query log as dnstap');
const reader = await requireServer('dnstapLdns', 'query log as dnstap');

let folder = '';
const cleanUp: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-query-log-'));
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  await rm(folder, { recursive: true, force: true });
});

async function serve(workers: number, queryLog: object): Promise<{ service: NameService; port: number }> {
  const spec = zoneSpec.parse({
    origin: 'example.test',
    nameServers: [{ name: 'ns1.example.test', addresses: ['192.0.2.53'] }],
    records: [{ name: 'www', type: 'A', data: ['192.0.2.1'] }],
  });
  const routing = {
    sequence: 1,
    zones: [{ namespace: 'default', name: 'example-test', spec }],
    policies: [],
    regions: {},
  };
  const input = { targets: new Map(), drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs: 0 };
  const view = createStateView(input, () => 0);
  const built = createRoutedTable({ routing, geo: undefined, view: () => view, random: Math.random });
  const service = await createNameService({
    listen: [{ host: '127.0.0.1', port: 0 }],
    settings: nameServerSettings.parse({ workers, nsid: 'fra1-a', queryLog }),
    states: () => input,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    log: { warn: () => undefined },
  });
  cleanUp.push(() => service.close());
  const table = { table: built.table, transfers: NO_TRANSFERS, geo: undefined };
  await service.serve({ sequence: 1, ...table, input: { routing } });
  const [bound] = await service.start();
  return { service, port: bound?.port ?? 0 };
}

const ask = (port: number, name: string) =>
  askNameServer({ host: '127.0.0.1', port, name: parseName(name), type: TYPE.A, timeoutMs: 5000 });

const metric = (service: NameService, wanted: string): number =>
  service.stats().families.find(({ name }) => name === wanted)?.samples[0]?.value ?? Number.NaN;

describe.each([0, 2])('the query log of a name server with %d threads', (workers) => {
  it('is one line of JSON for each query', async () => {
    const file = join(folder, 'queries.log');
    const { service, port } = await serve(workers, { file });
    await Promise.all(Array.from({ length: 40 }, (_, at) => ask(port, `n${at}.example.test`)));
    await ask(port, 'www.example.test');
    const lines = async () => (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    await until('41 lines', async () => (await lines()).length === 41, 10_000);
    const entries = (await lines()).map((line): unknown => JSON.parse(line));
    expect(entries).toContainEqual(
      expect.objectContaining({
        time: containing('T'),
        client: '127.0.0.1',
        transport: 'udp',
        name: 'www.example.test.',
        type: 'A',
        rcode: 'NOERROR',
        zone: 'example.test.',
        truncated: false,
      }),
    );
    expect(entries.filter((entry) => JSON.stringify(entry).includes('"NXDOMAIN"'))).toHaveLength(40);
    expect(metric(service, 'portolan_dns_query_log_dropped_total')).toBe(0);
    expect(metric(service, 'portolan_dns_query_log_records_total')).toBe(41);
  });

  it.skipIf(!capture.available || !reader.available)(
    'is a dnstap stream that fstrm_capture takes and dnstap-ldns reads',
    async () => {
      const socket = join(folder, 'tap.sock');
      const captured = join(folder, 'captured.tap');
      const program = capture.available ? capture.path : '';
      const child = spawn(program, ['-t', 'protobuf:dnstap.Dnstap', '-u', socket, '-w', captured], {
        stdio: 'ignore',
      });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      cleanUp.push(async () => {
        child.kill('SIGKILL');
        await gone;
      });
      const { service, port } = await serve(workers, { socket, format: 'dnstap' });
      // Until somebody takes it, records are dropped.
      await until(
        'a record is taken',
        async () => {
          await ask(port, 'early.example.test');
          return metric(service, 'portolan_dns_query_log_records_total') > 0;
        },
        20_000,
      );
      await ask(port, 'www.example.test');
      await service.close();
      child.kill('SIGTERM');
      await gone;
      const { stdout } = await run(reader.available ? reader.path : '', ['-r', captured, '-y']);
      expect(stdout).toContain('identity: "fra1-a"');
      expect(stdout).toContain('type: AUTH_QUERY');
      expect(stdout).toContain('type: AUTH_RESPONSE');
      expect(stdout).toMatch(/query_address: "?127\.0\.0\.1/);
      expect(stdout).toMatch(/www\.example\.test\.\s+\d+\s+IN\s+A\s+192\.0\.2\.1/);
    },
  );
});
