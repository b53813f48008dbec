import { describe, expect, it } from 'vitest';
import { json, startScriptedKubeApi } from '../test/fakes/kube-api.ts';
import { createKubeClient } from './client.ts';
import { createKubeEvents, type KubeEvent } from './events.ts';

/** Events written to a server that counts them; time is the test's. */
async function stage(refuse: { code?: number; causes?: readonly object[] } = {}) {
  const written: string[] = [];
  const said: string[] = [];
  const api = await startScriptedKubeApi(({ body }, response) => {
    const { code, causes } = refuse;
    if (code !== undefined)
      return json(response, { kind: 'Status', code, message: 'refused', details: { causes } }, code);
    written.push((body as { regarding?: { name: string } }).regarding?.name ?? '');
    json(response, { metadata: {}, ...(body as object) });
  });
  let nowMs = 0;
  const timers: { readonly atMs: number; readonly task: () => void }[] = [];
  const events = createKubeEvents({
    client: createKubeClient(api.access),
    controller: 'portolan.dev/test',
    instance: 'pod-0',
    monotonicMs: () => nowMs,
    now: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    after(delayMs, task) {
      const timer = { atMs: nowMs + delayMs, task };
      timers.push(timer);
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
    },
    onProblem: () =>
      said.push(
        events.problem === undefined
          ? 'well'
          : (/events\.events\.k8s\.io/.exec(events.problem.message)?.[0] ?? ''),
      ),
  });
  return {
    events,
    api,
    refuse,
    timers,
    said,
    names: () => written,
    written: () => api.requests.map(({ method }) => method),
    series: () => api.requests.map(({ body }) => (body as { series?: { count: number } }).series?.count),
    pass(ms: number): void {
      const untilMs = nowMs + ms;
      for (const timer of timers.filter(({ atMs }) => atMs <= untilMs)) {
        timers.splice(timers.indexOf(timer), 1);
        nowMs = timer.atMs;
        timer.task();
      }
      nowMs = untilMs;
    },
    async [Symbol.asyncDispose]() {
      await events.close();
      await api[Symbol.asyncDispose]();
    },
  };
}

const event = (name: string, fields: Partial<KubeEvent> = {}): KubeEvent => ({
  regarding: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', uid: `uid of ${name}` },
  },
  type: 'Warning',
  reason: 'GuardHeld',
  action: 'Apply',
  note: 'held',
  ...fields,
});

describe('Events', () => {
  it('are one for each object and reason; the same again is counted and written once a minute', async () => {
    await using s = await stage();
    s.events.emit(event('a'));
    s.events.emit(event('a', { reason: 'Applied' }));
    s.events.emit(event('b'));
    for (let n = 0; n < 99; n += 1) s.events.emit(event('a'));
    await expect.poll(s.written).toEqual(['POST', 'POST', 'POST']);
    s.pass(59_999);
    expect(s.api.requests).toHaveLength(3);
    s.pass(1);
    await expect.poll(s.written).toEqual(['POST', 'POST', 'POST', 'PATCH']);
    expect(s.series().at(-1)).toBe(100);
    s.events.emit(event('a'));
    s.pass(60_000);
    await expect.poll(s.series).toHaveLength(5);
    expect(s.series().at(-1)).toBe(101);
  });

  it('with other words are other Events, but not more often than once a minute', async () => {
    await using s = await stage();
    for (let n = 0; n < 50; n += 1) s.events.emit(event('a', { note: `held: ${n} records` }));
    await expect.poll(s.written).toEqual(['POST']);
    s.pass(60_000);
    await expect.poll(s.written).toEqual(['POST', 'PATCH']);
    s.events.emit(event('a', { note: 'held: 51 records' }));
    await expect.poll(s.written).toEqual(['POST', 'PATCH', 'POST']);
  });

  it('are bounded: twenty-five at once, then one a second, and what cannot wait is dropped', async () => {
    await using s = await stage();
    for (let n = 0; n < 300; n += 1) s.events.emit(event(`n${n}`));
    await expect.poll(() => s.api.requests.length).toBe(25);
    expect(s.events.dropped).toBe(300 - 200 - 1);
    await expect.poll(() => s.timers.length).toBe(1);
    s.pass(1_000);
    await expect.poll(() => s.api.requests.length).toBe(26);
  });

  it('that are forbidden wait for the right: it is said once, asked for ever more seldom, and they are written within seconds of the grant', async () => {
    await using s = await stage({ code: 403 });
    s.events.emit(event('a'));
    s.events.emit(event('b'));
    await expect.poll(() => s.said).toEqual(['events.events.k8s.io']);
    expect(s.events.problem?.fix).toContain('verbs: ["create"]');
    // 1, 2, 4, 8, 16 s, then every 20 s.
    for (let seconds = 1; seconds <= 91; seconds += 1) {
      s.pass(1_000);
      const asked = [1, 3, 7, 15, 31, 51, 71, 91].filter((at) => at <= seconds).length + 1;
      await expect.poll(() => [seconds, s.api.requests.length]).toEqual([seconds, asked]);
      await expect.poll(() => s.timers.length).toBe(1);
    }
    delete s.refuse.code;
    s.pass(20_000);
    await expect.poll(s.names).toEqual(['a', 'b']);
    expect(s.events.dropped).toBe(0);
    expect(s.events.problem).toBeUndefined();
    expect(s.said).toEqual(['events.events.k8s.io', 'well']);
    // Their time is that of what happened.
    expect(s.api.requests.at(-1)?.body).toMatchObject({ eventTime: '2026-01-01T00:00:00.000000Z' });
  });

  it('that wait for longer than the server would keep them are left out', async () => {
    await using s = await stage({ code: 403 });
    s.events.emit(event('a'));
    await expect.poll(() => s.timers.length).toBe(1);
    s.pass(30 * 60_000);
    await expect.poll(() => s.events.dropped).toBe(1);
    expect(s.timers).toHaveLength(0);
  });

  it('of a namespace that is being deleted are left out, and no right is missing', async () => {
    await using s = await stage({ code: 403, causes: [{ reason: 'NamespaceTerminating' }] });
    s.events.emit(event('a'));
    await expect.poll(() => s.events.dropped).toBe(1);
    expect(s.events.problem).toBeUndefined();
  });

  it('that the server has forgotten begin anew', async () => {
    await using s = await stage();
    s.events.emit(event('a'));
    await expect.poll(s.written).toEqual(['POST']);
    s.refuse.code = 404;
    s.events.emit(event('a'));
    s.pass(60_000);
    await expect.poll(() => s.events.dropped).toBe(1);
    delete s.refuse.code;
    s.events.emit(event('a'));
    s.pass(60_000);
    await expect.poll(s.written).toEqual(['POST', 'PATCH', 'POST']);
    expect(s.series().at(-1)).toBe(3);
  });

  it('of objects of the whole cluster stand in the default namespace', async () => {
    await using s = await stage();
    const regarding = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
    s.events.emit(event('', { regarding, note: 'x'.repeat(2_000) }));
    await expect.poll(() => s.api.requests.length).toBe(1);
    expect(s.api.requests[0]?.path).toBe('/apis/events.k8s.io/v1/namespaces/default/events');
    expect(s.api.requests[0]?.body).toMatchObject({
      note: 'x'.repeat(1_000),
      eventTime: '2026-01-01T00:00:00.000000Z',
    });
  });
});
