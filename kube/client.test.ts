import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
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
import type { KubeBounds } from './bounds.ts';
import { createKubeClient } from './client.ts';
import type { KubeObject, KubeWatchEvent } from './contract.ts';

const ROUTES = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'httproutes',
  kind: 'HTTPRoute',
  namespaced: true,
};

async function failure(work: Promise<unknown>): Promise<PortolanError> {
  const thrown: unknown = await work.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof PortolanError)) throw thrown;
  return thrown;
}

const clientOf = (api: ScriptedKubeApi, bounds: Partial<KubeBounds> = {}) =>
  createKubeClient({ ...api.access, bounds, random: () => 0 });

/** Watches until it ends; what came, and how it ended. */
async function watched(
  answer: (response: ServerResponse, request: KubeApiRequest) => void,
  bounds: Partial<KubeBounds> = {},
): Promise<{ readonly events: KubeWatchEvent[]; readonly error?: PortolanError }> {
  await using api = await startScriptedKubeApi((request, response) => answer(response, request));
  const events: KubeWatchEvent[] = [];
  try {
    const signal = new AbortController().signal;
    for await (const event of clientOf(api, bounds).watch(CONFIG_MAPS, { resourceVersion: '7', signal }))
      events.push(event);
    return { events };
  } catch (error) {
    if (!(error instanceof PortolanError)) throw error;
    return { events, error };
  }
}

const names = (events: readonly KubeWatchEvent[]) => events.map(({ object }) => object.metadata.name);

describe('a watch', () => {
  it('asks for bookmarks from its version, and for an end that is drawn', async () => {
    let asked: KubeApiRequest | undefined;
    await watched((response, request) => {
      asked = request;
      response.end();
    });
    expect(asked?.path).toBe('/api/v1/configmaps');
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: '7',
      timeoutSeconds: '240',
    });
  });

  it('reads events from chunks that end anywhere', async () => {
    const bytes = Buffer.from(
      line('ADDED', configMap('a', '8', { sign: 'Zürich → 東京 🚦' })) +
        bookmark('9') +
        line('DELETED', configMap('a', '10')),
    );
    const { events } = await watched(async (response) => {
      for (let start = 0; start < bytes.length; start += 7) {
        response.write(bytes.subarray(start, start + 7));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK', 'DELETED']);
    expect(events[0]?.object.data).toEqual({ sign: 'Zürich → 東京 🚦' });
  });

  it('that breaks in the middle of a line told what was whole, and fails as unavailable', async () => {
    const { events, error } = await watched((response) => {
      response.write(
        line('ADDED', configMap('a', '8')) + line('ADDED', configMap('b', '9')).slice(0, 30),
        () => response.destroy(),
      );
    });
    expect(names(events)).toEqual(['a']);
    expect(error?.code).toBe('KUBERNETES_UNAVAILABLE');
    expect(error?.message).toContain('watch configmaps');
  });

  it.each([
    [
      'the stream',
      (response: ServerResponse) => {
        const object = {
          kind: 'Status',
          code: 410,
          reason: 'Expired',
          message: 'too old resource version: 7 (99)',
        };
        response.end(line('ERROR', object));
      },
    ],
    ['the status', (response: ServerResponse) => status(response, 410, 'too old resource version: 7 (99)')],
  ])('whose version is gone fails as gone: told in %s', async (_where, answer) => {
    const { error } = await watched(answer);
    expect(error?.code).toBe('KUBERNETES_GONE');
    expect(error?.message).toContain('too old resource version');
  });

  it.each([
    ['no JSON', 'ADDED but no JSON\n'],
    ['no event', '{"kind":"Status"}\n'],
    ['an object without metadata', '{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1"}}\n'],
    ['an unknown type', line('RENAMED', configMap('a', '8'))],
    ['a line without end', 'x'.repeat(2_000)],
  ])('with %s cannot be followed from there: list anew', async (_what, text) => {
    const { events, error } = await watched((response) => response.end(bookmark('8') + text), {
      lineBytes: 1_000,
    });
    expect(events).toHaveLength(1);
    expect(error?.code).toBe('KUBERNETES_GONE');
  });

  it('that is silent after a bookmark is taken for dead', async () => {
    const { events, error } = await watched((response) => response.write(bookmark('8')), { silenceMs: 60 });
    expect(events).toHaveLength(1);
    expect(error).toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
    expect(error?.message).toContain('nothing came for too long');
  });

  it('that is not answered fails within the time of a request', async () => {
    expect((await watched(() => undefined, { requestMs: 60 })).error?.code).toBe('KUBERNETES_UNAVAILABLE');
  });

  it('ends without an error when it is not wanted any more, and so does its connection', async () => {
    let ended = false;
    await using api = await startScriptedKubeApi((_request, response) => {
      response.on('close', () => {
        ended = true;
      });
      response.write(bookmark('8'));
    });
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { type } of clientOf(api).watch(CONFIG_MAPS, {
      resourceVersion: '7',
      signal: stop.signal,
    })) {
      seen.push(type);
      stop.abort();
    }
    expect(seen).toEqual(['BOOKMARK']);
    await expect.poll(() => ended).toBe(true);
  });
});

describe('a list', () => {
  const pages = async (api: ScriptedKubeApi, bounds: Partial<KubeBounds> = {}) => {
    const seen: string[][] = [];
    for await (const { items } of clientOf(api, bounds).list(CONFIG_MAPS, {
      namespace: 'shop',
      labelSelector: 'a=b',
    }))
      seen.push(items.map(({ kind, apiVersion, metadata }) => `${apiVersion} ${kind} ${metadata.name}`));
    return seen;
  };
  const page = (items: readonly unknown[], next?: string) => ({
    kind: 'ConfigMapList',
    metadata: { resourceVersion: '7', continue: next },
    items,
  });
  const bare = (name: string, filler = '') => ({ metadata: { name, namespace: 'shop' }, data: { filler } });

  it('comes in pages, and its items get the kind that the server leaves out', async () => {
    await using api = await startScriptedKubeApi(({ query }, response) =>
      json(response, query.get('continue') === null ? page([bare('a')], 'more') : page([bare('b')], '')),
    );
    expect(await pages(api)).toEqual([['v1 ConfigMap a'], ['v1 ConfigMap b']]);
    expect(api.requests.map(({ path, query }) => `${path}?${query}`)).toEqual([
      '/api/v1/namespaces/shop/configmaps?labelSelector=a%3Db&limit=500',
      '/api/v1/namespaces/shop/configmaps?labelSelector=a%3Db&limit=500&continue=more',
    ]);
  });

  it('whose version is gone between two pages is void', async () => {
    await using api = await startScriptedKubeApi(({ query }, response) =>
      query.get('continue') === null
        ? json(response, page([bare('a')], 'more'))
        : status(response, 410, 'The provided continue parameter is too old'),
    );
    expect((await failure(pages(api))).code).toBe('KUBERNETES_GONE');
  });

  it('with pages beyond the bound is asked for in smaller ones', async () => {
    const all = Array.from({ length: 20 }, (_, n) => bare(`n${n}`, 'x'.repeat(100)));
    await using api = await startScriptedKubeApi(({ query }, response) => {
      const start = Number(query.get('continue') ?? 0);
      const end = start + Number(query.get('limit'));
      json(response, page(all.slice(start, end), end < all.length ? String(end) : ''));
    });
    expect((await pages(api, { answerBytes: 1_000, pageObjects: 20 })).flat()).toHaveLength(20);
    expect(api.requests.map(({ query }) => query.get('limit'))).toEqual(['20', '5', '5', '5', '5']);
  });

  it('with one object beyond the bound fails', async () => {
    await using api = await startScriptedKubeApi((_request, response) =>
      json(response, page([bare('a', 'x'.repeat(2_000))])),
    );
    expect((await failure(pages(api, { answerBytes: 1_000, pageObjects: 2 }))).message).toContain(
      'longer than 1000 bytes',
    );
  });

  it.each([
    ['no JSON', '<html>'],
    ['no list', '{"kind":"ConfigMap"}'],
    ['a list of something else', '{"metadata":{"resourceVersion":"1"},"items":[1]}'],
  ])('that is %s is no empty one', async (_what, text) => {
    await using api = await startScriptedKubeApi((_request, response) => void response.end(text));
    expect((await failure(pages(api))).code).toBe('KUBERNETES_UNAVAILABLE');
  });
});

describe('a write', () => {
  const route: KubeObject = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { secret: 'canary' },
  };
  const ref = { resource: ROUTES, namespace: 'shop', name: 'web' };
  const path = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes';

  it('asks for strict validation in the form of its verb', async () => {
    await using api = await startScriptedKubeApi((_request, response) => json(response, route));
    const client = clientOf(api);
    await client.create(route, ROUTES);
    await client.replace(route, ROUTES, 'status');
    await client.apply(route, ROUTES, {
      fieldManager: 'me',
      force: true,
      dryRun: true,
      subresource: 'status',
    });
    await client.merge(ref, { metadata: { finalizers: null } });
    await client.delete(ref, { uid: 'u' });
    const strict = 'fieldManager=portolan&fieldValidation=Strict';
    expect(
      api.requests.map(({ method, path, query, headers }) => [
        `${method} ${path}?${query}`,
        headers['content-type'],
      ]),
    ).toEqual([
      [`POST ${path}?${strict}`, 'application/json'],
      [`PUT ${path}/web/status?${strict}`, 'application/json'],
      [
        `PATCH ${path}/web/status?fieldManager=me&fieldValidation=Strict&force=true&dryRun=All`,
        'application/apply-patch+yaml',
      ],
      [`PATCH ${path}/web?${strict}`, 'application/merge-patch+json'],
      [`DELETE ${path}/web?`, 'application/json'],
    ]);
    expect(api.requests.map(({ body }) => body)).toEqual([
      route,
      route,
      route,
      { metadata: { finalizers: null } },
      { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u' } },
    ]);
  });

  it.each([
    [301, 'KUBERNETES_UNAVAILABLE', undefined],
    [400, 'KUBERNETES_REFUSED', undefined],
    [401, 'KUBERNETES_FORBIDDEN', 'renew its credentials'],
    [
      403,
      'KUBERNETES_FORBIDDEN',
      'Grant apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes/status"], verbs: ["patch"] in a Role of shop',
    ],
    [404, 'KUBERNETES_REFUSED', 'See that the namespace exists'],
    [409, 'KUBERNETES_CONFLICT', undefined],
    [422, 'KUBERNETES_REFUSED', undefined],
    [429, 'KUBERNETES_UNAVAILABLE', undefined],
    [500, 'KUBERNETES_UNAVAILABLE', undefined],
    [504, 'KUBERNETES_UNAVAILABLE', undefined],
  ] as const)('answered by %s fails with %s', async (code, expected, fix) => {
    await using api = await startScriptedKubeApi((_request, response) =>
      status(response, code, `because ${'x'.repeat(600)}`),
    );
    const error = await failure(
      clientOf(api).apply(route, ROUTES, { fieldManager: 'me', subresource: 'status' }),
    );
    expect(error.code).toBe(expected);
    expect(error.message).toContain(
      `patch httproutes.gateway.networking.k8s.io/status shop/web: ${code} because xxx`,
    );
    expect(error.message.length).toBeLessThan(600);
    expect(JSON.stringify(error.toProblem())).not.toContain('canary');
    if (fix !== undefined) expect(error.fix).toContain(fix);
  });

  it('finds nothing, and deletes nothing, without an error', async () => {
    await using api = await startScriptedKubeApi((_request, response) => status(response, 404, 'not found'));
    expect(await clientOf(api).get(ref)).toBeUndefined();
    await clientOf(api).delete(ref);
    expect(api.requests).toHaveLength(2);
  });
});

describe('requests', () => {
  const ref = { resource: CONFIG_MAPS, name: 'a' };

  it('wait as long as the server says, within bounds', async () => {
    await using api = await startScriptedKubeApi((_request, response) => {
      if (api.requests.length < 3)
        status(response, api.requests.length === 1 ? 429 : 503, 'busy', { 'retry-after': '0' });
      else json(response, configMap('a', '1'));
    });
    expect((await clientOf(api).get(ref))?.metadata.name).toBe('a');
    expect(api.requests).toHaveLength(3);
  });

  it.each([
    ['too long', { 'retry-after': '3600' }, 1],
    ['no time', {}, 1],
    ['again and again', { 'retry-after': '0' }, 4],
  ])('do not wait when it says %s', async (_what, headers, count) => {
    await using api = await startScriptedKubeApi((_request, response) =>
      status(response, 429, 'busy', headers),
    );
    expect((await failure(clientOf(api).get(ref))).code).toBe('KUBERNETES_UNAVAILABLE');
    expect(api.requests).toHaveLength(count);
  });

  it('share connections that are kept, and go on when the server has closed one', async () => {
    await using api = await startScriptedKubeApi(({ query: _query }, response) => {
      json(response, configMap('a', '1'));
      // Closed without a word, as by an idle timeout.
      if (api.requests.length === 2) response.on('close', () => response.req.socket.destroy());
    });
    const client = clientOf(api);
    for (let n = 0; n < 4; n += 1) await client.get(ref);
    const [first, second, third, fourth] = api.requests.map(({ connection }) => connection);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(fourth).toBe(third);
  });

  it('fail when there is no answer in time, or nobody listens', async () => {
    await using api = await startScriptedKubeApi(() => undefined);
    expect((await failure(clientOf(api, { requestMs: 60 }).get(ref))).message).toContain('not within 60 ms');
    const nobody = createKubeClient({ ...api.access, server: 'http://127.0.0.1:1' });
    expect((await failure(nobody.get(ref))).code).toBe('KUBERNETES_UNAVAILABLE');
    expect((await failure(clientOf(api).get(ref, { signal: AbortSignal.abort() }))).code).toBe(
      'KUBERNETES_UNAVAILABLE',
    );
  });

  it('read the credentials anew once when they are refused', async () => {
    let token = 'old';
    await using api = await startScriptedKubeApi(
      ({ headers }, response) => {
        if (headers.authorization === 'Bearer new') json(response, configMap('a', '1'));
        else status(response, 401, 'Unauthorized');
      },
      {
        authorise: async (refused) => {
          if (refused !== undefined && token === 'old') token = 'new';
          return { headers: { authorization: `Bearer ${token}` } };
        },
      },
    );
    expect(await clientOf(api).get(ref)).toBeDefined();
    expect(api.requests).toHaveLength(2);
    token = 'lost';
    expect((await failure(clientOf(api).get(ref))).code).toBe('KUBERNETES_FORBIDDEN');
    expect(api.requests).toHaveLength(4);
  });

  it('ask once a minute what a group serves, and anew when a collection is refused', async () => {
    let installed = false;
    let nowMs = 0;
    await using api = await startScriptedKubeApi(({ path }, response) => {
      if (!installed) status(response, 404, 'the server could not find the requested resource');
      else if (path.endsWith('/v1'))
        json(response, { resources: [{ name: 'httproutes' }, { name: 'httproutes/status' }] });
      else json(response, { metadata: { resourceVersion: '1' }, items: [] });
    });
    const client = createKubeClient({ ...api.access, monotonicMs: () => nowMs });
    expect(await Promise.all([client.serves(ROUTES), client.serves(ROUTES)])).toEqual([false, false]);
    expect(api.requests).toHaveLength(1);
    installed = true;
    nowMs = 59_000;
    expect(await client.serves(ROUTES)).toBe(false);
    nowMs = 61_000;
    expect(await client.serves(ROUTES)).toBe(true);
    expect(await client.serves({ ...ROUTES, plural: 'grpcroutes' })).toBe(false);
    expect(api.requests).toHaveLength(2);
    installed = false;
    expect((await failure(client.list(ROUTES, {})[Symbol.asyncIterator]().next())).code).toBe(
      'KUBERNETES_REFUSED',
    );
    expect(await client.serves(ROUTES)).toBe(false);
  });
});
