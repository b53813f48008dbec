import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bookmark,
  CONFIG_MAPS,
  configMap,
  json,
  type KubeApiRequest,
  line,
  type ScriptedKubeApi,
  startScriptedKubeApi,
  status,
} from '../test/fakes/kube-api.ts';
import { createKubeClient } from './client.ts';
import type { KubeClient, KubeObject, Reflector, ReflectorOptions } from './contract.ts';
import { createReflector } from './reflector.ts';

type Answer = (response: ServerResponse, request: KubeApiRequest) => void;

/** A reflector of what the scripted server says. Time is the test's: `waits` are the timers that it has asked for, but for those of a turn. */
interface Stage extends AsyncDisposable {
  readonly api: ScriptedKubeApi;
  readonly client: KubeClient;
  readonly reflector: Reflector<string>;
  readonly told: Record<string, string | undefined>[];
  readonly waits: { readonly delayMs: number; readonly task: () => void }[];
  /** Answers of the server, one for each request; the last for all that follow. */
  readonly lists: Answer[];
  readonly watches: Answer[];
  clockMs: number;
  /** The wait that is asked for next is over: its length. */
  passed(): Promise<number>;
}

const stages: Stage[] = [];
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage[Symbol.asyncDispose]();
});

const list =
  (resourceVersion: string, ...items: readonly object[]): Answer =>
  (response) =>
    json(response, { metadata: { resourceVersion }, items });
const say =
  (...lines: readonly string[]): Answer =>
  (response) => {
    response.flushHeaders();
    response.write(lines.join(''));
  };
const quiet: Answer = (response) => response.flushHeaders();
const refuse =
  (code: number, message: string): Answer =>
  (response) =>
    status(response, code, message);

async function stage(
  script: { readonly lists: Answer[]; readonly watches: Answer[]; readonly serves?: () => boolean },
  options: Partial<ReflectorOptions<string>> = {},
): Promise<Stage> {
  const take = (answers: Answer[]): Answer => (answers.length > 1 ? answers.shift() : answers[0]) ?? quiet;
  const api = await startScriptedKubeApi((request, response) => {
    if (request.path === '/api/v1')
      json(response, { resources: (script.serves?.() ?? true) ? [{ name: 'configmaps' }] : [] });
    else take(request.query.has('watch') ? script.watches : script.lists)(response, request);
  });
  const waits: Stage['waits'] = [];
  const told: Stage['told'] = [];
  const client = createKubeClient({ ...api.access, monotonicMs: () => it.clockMs });
  const it: Stage = {
    api,
    client,
    told,
    waits,
    lists: script.lists,
    watches: script.watches,
    clockMs: 0,
    reflector: createReflector<string>({
      client,
      resource: CONFIG_MAPS,
      project: ({ data }) => (typeof data === 'object' && data !== null ? JSON.stringify(data) : undefined),
      onChange: (changed) => told.push(Object.fromEntries(changed)),
      monotonicMs: () => it.clockMs,
      after(delayMs, task) {
        if (delayMs === 0) {
          const turn = setImmediate(task);
          return () => clearImmediate(turn);
        }
        const wait = { delayMs, task };
        waits.push(wait);
        return () => {
          if (waits.includes(wait)) waits.splice(waits.indexOf(wait), 1);
        };
      },
      random: () => 1,
      ...options,
    }),
    async passed() {
      await expect.poll(() => waits.length, { interval: 2 }).toBe(1);
      const [wait] = waits.splice(0);
      it.clockMs += wait?.delayMs ?? 0;
      wait?.task();
      return wait?.delayMs ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await it.reflector.close();
      await api[Symbol.asyncDispose]();
    },
  };
  stages.push(it);
  it.reflector.start();
  return it;
}

const watchedFrom = ({ api }: Stage) =>
  api.requests.flatMap(({ query }) => (query.has('watch') ? [query.get('resourceVersion')] : []));
const listed = ({ api }: Stage) =>
  api.requests.filter(({ path, query }) => path !== '/api/v1' && !query.has('watch')).length;
const a = (version: string, value: string) => configMap('a', version, { v: value });
const b = (version: string, value: string) => configMap('b', version, { v: value });
const v = (value: string) => JSON.stringify({ v: value });

describe('a reflector', () => {
  it('lists, then watches from the version of the list', async () => {
    const s = await stage({
      lists: [list('5', a('1', 'x'))],
      watches: [say(line('ADDED', b('6', 'y')), line('MODIFIED', a('7', 'z')), line('DELETED', b('8', 'y')))],
    });
    await expect.poll(() => s.told.length).toBe(2);
    expect(watchedFrom(s)).toEqual(['5']);
    expect(s.told).toEqual([{ 'shop/a': v('x') }, { 'shop/a': v('z') }]);
    expect([...s.reflector.items]).toEqual([['shop/a', v('z')]]);
    expect(s.reflector.state).toMatchObject({ synced: true, lists: 1, watches: 1, resourceVersion: '8' });
  });

  it('tells of an empty first list too', async () => {
    const s = await stage({ lists: [list('5')], watches: [quiet] });
    expect(s.reflector.state.synced).toBe(false);
    await expect.poll(() => s.told).toEqual([{}]);
    expect(s.reflector.state.synced).toBe(true);
  });

  it('replaces its items and never changes those that it gave', async () => {
    const { promise: asked, resolve: go } = Promise.withResolvers<void>();
    const later: Answer = (response) => {
      response.flushHeaders();
      void asked.then(() => response.write(line('MODIFIED', a('6', 'y')) + line('ADDED', b('7', 'z'))));
    };
    const s = await stage({ lists: [list('5', a('1', 'x'))], watches: [later] });
    await expect.poll(() => s.told.length).toBe(1);
    const before = s.reflector.items;
    expect(s.reflector.items).toBe(before);
    go();
    await expect.poll(() => s.told.length).toBe(2);
    expect([...before]).toEqual([['shop/a', v('x')]]);
    expect([...s.reflector.items]).toEqual([
      ['shop/a', v('y')],
      ['shop/b', v('z')],
    ]);
  });

  it('does not tell of what projects to the same', async () => {
    const project = ({ data }: KubeObject, before: string | undefined) =>
      before === JSON.stringify(data) ? before : JSON.stringify(data);
    const s = await stage(
      {
        lists: [list('5', a('1', 'x'))],
        watches: [say(line('MODIFIED', a('6', 'x')), line('ADDED', b('7', 'y')))],
      },
      { project },
    );
    await expect.poll(() => s.told.length).toBe(2);
    expect(s.told[1]).toEqual({ 'shop/b': v('y') });
  });

  it('resumes from the last bookmark after a break, without a list', async () => {
    const cut: Answer = (response) =>
      response.write(bookmark('42') + line('ADDED', b('43', 'y')).slice(0, 20), () => response.destroy());
    const s = await stage({
      lists: [list('5', a('1', 'x'))],
      watches: [cut, say(line('ADDED', b('43', 'y')))],
    });
    expect(await s.passed()).toBe(1_000);
    await expect.poll(() => s.told.length).toBe(2);
    expect(watchedFrom(s)).toEqual(['5', '42']);
    expect(listed(s)).toBe(1);
    expect(s.reflector.state.problem).toBeUndefined();
  });

  it('watches on at once when the server ends a watch in which something came', async () => {
    const end: Answer = (response) => response.end(bookmark('42'));
    const s = await stage({ lists: [list('5')], watches: [end, quiet] });
    await expect.poll(() => watchedFrom(s)).toEqual(['5', '42']);
    expect(s.waits).toEqual([]);
  });

  it('waits between watches that the server ends at once', async () => {
    const end: Answer = (response) => response.end();
    const s = await stage({ lists: [list('5')], watches: [end, end, end, quiet] });
    expect([await s.passed(), await s.passed(), await s.passed()]).toEqual([1_000, 2_000, 4_000]);
    await expect.poll(() => watchedFrom(s)).toHaveLength(4);
    expect(listed(s)).toBe(1);
  });

  it('lists anew after 410, at once, and tells only the difference', async () => {
    const s = await stage(
      {
        lists: [
          list('5', a('1', 'x'), b('2', 'y'), configMap('c', '3')),
          list('90', a('1', 'x'), b('80', 'z'), configMap('d', '81')),
        ],
        watches: [
          say(bookmark('6'), line('ERROR', { kind: 'Status', code: 410, message: 'too old' })),
          quiet,
        ],
      },
      { project: ({ data }, before) => (JSON.stringify(data) === before ? before : JSON.stringify(data)) },
    );
    await expect.poll(() => s.told.length).toBe(2);
    expect(s.told[1]).toEqual({ 'shop/b': v('z'), 'shop/c': undefined, 'shop/d': '{}' });
    await expect.poll(() => watchedFrom(s)).toEqual(['5', '90']);
    expect(s.waits).toEqual([]);
    expect([...s.reflector.items.keys()].sort()).toEqual(['shop/a', 'shop/b', 'shop/d']);
  });

  it('does not list in a tight loop when each version is gone at once', async () => {
    const gone = refuse(410, 'too old');
    const s = await stage({ lists: [list('5')], watches: [gone, gone, gone, quiet] });
    expect([await s.passed(), await s.passed(), await s.passed()]).toEqual([1_000, 2_000, 4_000]);
    await expect.poll(() => listed(s)).toBe(4);
  });

  it('lists anew when a version fails again and again: the server may never have had it', async () => {
    const never = refuse(504, 'Too large resource version: 99, current: 7');
    const s = await stage({
      lists: [list('99', a('1', 'x')), list('7', a('1', 'x'))],
      watches: [never, never, never, never, never, quiet],
    });
    for (let n = 0; n < 5; n += 1) await s.passed();
    await expect.poll(() => watchedFrom(s).at(-1)).toBe('7');
    expect(listed(s)).toBe(2);
  });

  it('keeps what it knows while the server is away, with longer and longer waits up to half a minute', async () => {
    const away: Answer = (response) => response.destroy();
    const s = await stage({ lists: [list('5', a('1', 'x')), away], watches: [away] });
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) waits.push(await s.passed());
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(s.reflector.items.size).toBe(1);
    expect(s.reflector.state).toMatchObject({ synced: true, problem: { kind: 'unavailable', sinceMs: 0 } });
    s.lists.splice(0, 2, list('6', a('1', 'x')));
    s.watches.splice(0, 1, say(bookmark('7')));
    await expect.poll(() => s.reflector.state.resourceVersion).toBe('7');
    expect(s.reflector.state.problem).toBeUndefined();
    expect(s.told).toHaveLength(1);
  });

  it('goes on as soon as anybody hears from the server again', async () => {
    const away: Answer = (response) => response.destroy();
    const s = await stage({ lists: [list('5', a('1', 'x'))], watches: [away] });
    for (let n = 0; n < 5; n += 1) await s.passed();
    await expect.poll(() => s.waits.length).toBe(1);
    expect(s.waits[0]?.delayMs).toBe(30_000);
    s.watches.splice(0, 1, say(bookmark('7')));
    await s.client.json('/api/v1');
    await expect.poll(() => s.waits.map(({ delayMs }) => delayMs)).toEqual([500]);
    await s.passed();
    await expect.poll(() => s.reflector.state.resourceVersion).toBe('7');
    expect(s.reflector.state.problem).toBeUndefined();
  });

  it('waits a second again after a good watch', async () => {
    const away: Answer = (response) => response.destroy();
    const cut: Answer = (response) => response.write(bookmark('6'), () => response.destroy());
    const s = await stage({ lists: [list('5')], watches: [away, away, cut, quiet] });
    expect([await s.passed(), await s.passed(), await s.passed()]).toEqual([1_000, 2_000, 1_000]);
  });

  it('draws half of each wait', async () => {
    const s = await stage({ lists: [refuse(500, 'x')], watches: [quiet] }, { random: () => 0 });
    expect([await s.passed(), await s.passed()]).toEqual([500, 1_000]);
  });

  it('begins a list anew whose version is gone between two pages, and keeps nothing of it', async () => {
    const first: Answer = (response) =>
      json(response, { metadata: { resourceVersion: '5', continue: 'more' }, items: [a('1', 'x')] });
    const s = await stage({
      lists: [first, refuse(410, 'too old'), list('9', b('2', 'y'))],
      watches: [quiet],
    });
    await s.passed();
    await expect.poll(() => s.told).toEqual([{ 'shop/b': v('y') }]);
  });

  it('says what it is not allowed to, and goes on when it is', async () => {
    const s = await stage({ lists: [refuse(403, 'configmaps is forbidden'), list('5')], watches: [quiet] });
    await expect.poll(() => s.reflector.state.problem?.kind).toBe('forbidden');
    expect(s.reflector.state.problem?.message).toContain('list configmaps');
    expect(s.reflector.state.problem?.message).toContain('verbs: ["list", "watch"]');
    expect(s.reflector.state.synced).toBe(false);
    await s.passed();
    await expect.poll(() => s.reflector.state.synced).toBe(true);
    expect(s.reflector.state.problem).toBeUndefined();
  });

  it('looks each minute for a resource that the cluster does not have', async () => {
    let installed = false;
    const s = await stage({
      lists: [
        (response, request) =>
          (installed ? list('5', a('1', 'x')) : refuse(404, '404 page not found'))(response, request),
      ],
      watches: [quiet],
      serves: () => installed,
    });
    await expect.poll(() => s.reflector.state.problem?.kind).toBe('absent');
    installed = true;
    expect(await s.passed()).toBe(60_000);
    await expect.poll(() => s.told).toEqual([{ 'shop/a': v('x') }]);
    expect(s.reflector.state.problem).toBeUndefined();
  });

  it('lives on when an object cannot be read, and keeps what it knew of it', async () => {
    const project = ({ data }: KubeObject) => {
      if (JSON.stringify(data) === v('bad')) throw new Error('malformed');
      return JSON.stringify(data);
    };
    const s = await stage(
      {
        lists: [list('5', a('1', 'x'), b('2', 'bad'))],
        watches: [say(line('MODIFIED', a('6', 'bad')), line('MODIFIED', b('7', 'good')))],
      },
      { project },
    );
    await expect.poll(() => s.told.length).toBe(2);
    expect(s.told).toEqual([{ 'shop/a': v('x') }, { 'shop/b': v('good') }]);
    expect(s.reflector.state.unreadable).toBe(2);
  });

  it('lists anew after an event that is none', async () => {
    const s = await stage({
      lists: [list('5', a('1', 'x')), list('8', a('7', 'y'))],
      watches: [say(bookmark('6'), 'no event\n'), quiet],
    });
    await expect.poll(() => s.told).toEqual([{ 'shop/a': v('x') }, { 'shop/a': v('y') }]);
  });

  it('asks for what is selected, in its list and its watch', async () => {
    const s = await stage(
      { lists: [list('5')], watches: [quiet] },
      { namespace: 'shop', labelSelector: 'a', fieldSelector: 'metadata.name=b' },
    );
    await expect.poll(() => s.api.requests.length).toBe(2);
    for (const { path, query } of s.api.requests) {
      expect(path).toBe('/api/v1/namespaces/shop/configmaps');
      expect([query.get('labelSelector'), query.get('fieldSelector')]).toEqual(['a', 'metadata.name=b']);
    }
  });

  it('ends while it lists, watches or waits, and tells nothing more', async () => {
    for (const script of [
      { lists: [quiet], watches: [quiet] },
      { lists: [list('5')], watches: [quiet] },
      { lists: [refuse(500, 'x')], watches: [quiet] },
    ]) {
      const s = await stage(script);
      await expect.poll(() => s.api.requests.length + s.waits.length).toBeGreaterThan(0);
      await s.reflector.close();
      const requests = s.api.requests.length;
      expect(s.waits).toEqual([]);
      expect(s.api.requests).toHaveLength(requests);
    }
  });
});
