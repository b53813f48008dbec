import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DataEndpoints, openDataEndpoints } from './data-endpoints.ts';
import { endpointFile } from './endpoint-file.ts';
import type { UsedServicesMessage } from './messages.ts';

const silent = (): void => undefined;
const silentLog = { debug: silent, info: silent, warn: silent, error: silent };

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'endpoints-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

async function world(options: { readonly controlRuns?: boolean } = {}) {
  const timers: { readonly atMs: number; readonly task: () => void }[] = [];
  const asked: UsedServicesMessage[] = [];
  const given: Record<string, readonly string[] | undefined>[] = [];
  const state = { controlRuns: options.controlRuns ?? true, nowMs: 0 };
  const endpoints: DataEndpoints = await openDataEndpoints({
    file: endpointFile(dataDir),
    ask(message) {
      if (state.controlRuns) asked.push(message);
      return state.controlRuns;
    },
    give: (changed) => void given.push(Object.fromEntries(changed)),
    after(delayMs, task) {
      const timer = { atMs: state.nowMs + delayMs, task };
      timers.push(timer);
      return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
    },
    log: silentLog,
  });
  return {
    endpoints,
    asked,
    given,
    state,
    pass(ms: number): void {
      state.nowMs += ms;
      for (const timer of timers.filter(({ atMs }) => atMs <= state.nowMs)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.task();
      }
    },
  };
}

const settledBy = async (promise: Promise<void>): Promise<boolean> => {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return over;
};

describe('endpoints in the data process', () => {
  test('a configuration waits for those of the Services that it is the first to use, and no longer than a second', async () => {
    const { endpoints, asked, given, pass } = await world();
    const prepared = endpoints.prepare(new Set(['a/web:80']), []);
    expect(asked).toEqual([{ type: 'services', id: 1, used: ['a/web:80'], watched: [] }]);
    expect(await settledBy(prepared)).toBe(false);
    endpoints.receive({ type: 'endpoints', answers: 1, services: [['a/web:80', ['10.0.0.1:80']]] });
    expect(await settledBy(prepared)).toBe(true);
    expect(given).toContainEqual({ 'a/web:80': ['10.0.0.1:80'] });
    endpoints.settled();
    // Nothing new: nobody is asked.
    expect(await settledBy(endpoints.prepare(new Set(['a/web:80']), []))).toBe(true);
    const silent = endpoints.prepare(new Set(['a/web:80', 'b/web:80']), []);
    expect(await settledBy(silent)).toBe(false);
    pass(1_000);
    expect(await settledBy(silent)).toBe(true);
    expect(asked.map(({ used }) => used)).toEqual([['a/web:80'], ['a/web:80', 'b/web:80']]);
  });

  test('a change is given once, and only of what is in use', async () => {
    const { endpoints, given, state } = await world({ controlRuns: false });
    await endpoints.prepare(new Set(['a/web:80']), []);
    state.controlRuns = true;
    const change = {
      type: 'endpoints' as const,
      services: [
        ['a/web:80', ['10.0.0.1:80']],
        ['c/web:80', []],
      ] as const,
    };
    endpoints.receive(change);
    endpoints.receive(change);
    endpoints.receive({ type: 'endpoints', services: [['a/web:80', null]] });
    expect(given).toEqual([{ 'a/web:80': ['10.0.0.1:80'] }, { 'a/web:80': undefined }]);
  });

  test('what only the configuration before used is forgotten once the next one is served, and not when that was refused', async () => {
    const { endpoints, asked, state } = await world({ controlRuns: false });
    await endpoints.prepare(new Set(['a/web:80']), []);
    endpoints.settled();
    endpoints.receive({ type: 'endpoints', services: [['a/web:80', ['10.0.0.1:80']]] });
    await endpoints.prepare(new Set(['b/web:80']), []);
    expect(endpoints.inUse.used).toEqual(['a/web:80', 'b/web:80']);
    expect(endpoints.known.has('a/web:80')).toBe(true);
    state.controlRuns = true;
    endpoints.settled();
    expect(endpoints.inUse.used).toEqual(['b/web:80']);
    expect(endpoints.known.has('a/web:80')).toBe(false);
    expect(asked.at(-1)?.used).toEqual(['b/web:80']);
  });

  test('an agent that starts without its API server has the last ones from the disk, readable by nobody else', async () => {
    const first = await world({ controlRuns: false });
    await first.endpoints.prepare(new Set(['a/web:80', 'b/web:80']), []);
    first.endpoints.receive({
      type: 'endpoints',
      services: [
        ['a/web:80', ['10.0.0.1:80', 'fd00::1:80']],
        ['b/web:80', null],
      ],
    });
    first.pass(2_000);
    await first.endpoints.close();
    expect((await stat(join(dataDir, 'endpoints.json'))).mode & 0o777).toBe(0o600);
    const second = await world({ controlRuns: false });
    await second.endpoints.prepare(new Set(['a/web:80', 'b/web:80']), []);
    expect(second.given).toEqual([{ 'a/web:80': ['10.0.0.1:80', 'fd00::1:80'], 'b/web:80': undefined }]);
    // An API server that was not read yet has nothing to say: they stay.
    second.endpoints.receive({ type: 'endpoints', answers: 1, services: [] });
    second.endpoints.controlGone();
    expect(second.endpoints.known.get('a/web:80')).toEqual(['10.0.0.1:80', 'fd00::1:80']);
  });

  test.each(['', '{', '{"format":2,"services":{}}', '{"format":1,"services":{"a":[1]}}'])(
    'a damaged file (%s) counts as none',
    async (text) => {
      await writeFile(join(dataDir, 'endpoints.json'), text);
      expect((await world()).endpoints.known.size).toBe(0);
    },
  );

  test('a control process that runs only after a configuration was prepared hears what that uses', async () => {
    const { endpoints, asked, given, state } = await world({ controlRuns: false });
    await endpoints.prepare(new Set(['a/web:80']), []);
    endpoints.settled();
    expect(asked).toEqual([]);
    state.controlRuns = true;
    endpoints.controlRuns();
    expect(asked.map(({ used }) => used)).toEqual([['a/web:80']]);
    endpoints.receive({ type: 'endpoints', services: [['a/web:80', ['10.0.0.2:80']]] });
    expect(given).toEqual([{ 'a/web:80': ['10.0.0.2:80'] }]);
  });

  test('a control process that dies keeps no configuration waiting', async () => {
    const { endpoints } = await world();
    const prepared = endpoints.prepare(new Set(['a/web:80']), []);
    endpoints.controlGone();
    expect(await settledBy(prepared)).toBe(true);
  });
});
