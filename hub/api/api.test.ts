import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { startTestHub, type TestHub } from './fixture.ts';

const V1 = '/apis/portolan.dev/v1alpha1';
const cluster = (name: string, country = 'DE') => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Cluster',
  metadata: { namespace: 'team', name },
  spec: { location: { country } },
});

const condition = (n: number) => ({
  type: 'Ready',
  status: 'True' as const,
  reason: 'Test',
  message: `said ${n} times`,
  observedGeneration: 1,
  lastTransitionTime: '2030-01-01T00:00:00Z',
});

const someText: unknown = expect.stringMatching(/./);

let hub: TestHub;
let admin: string;

beforeAll(async () => {
  hub = await startTestHub();
  admin = (await hub.token([{ namespace: '*', role: 'admin' }])).text;
});
afterAll(() => hub.close());

const call = (path: string, init: RequestInit & { token?: string } = {}) =>
  fetch(`${hub.bound.url}${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${init.token ?? admin}`,
      'content-type': 'application/json',
      ...init.headers,
    },
  });
const client = () => createClient({ server: hub.bound.url, token: admin });

describe('objects', () => {
  it('are created, read, listed, replaced and deleted', async () => {
    const api = client();
    const made = await api.create('Cluster', { namespace: 'team', name: 'eu-1' }, cluster('eu-1'));
    expect(made).toMatchObject({
      kind: 'Cluster',
      metadata: { name: 'eu-1', generation: 1 },
      spec: { addresses: [] },
    });
    expect(await api.get('Cluster', { namespace: 'team', name: 'eu-1' })).toEqual(made);
    const replaced = await api.replace('Cluster', { namespace: 'team', name: 'eu-1' }, cluster('eu-1', 'FR'));
    expect(replaced).toMatchObject({ metadata: { generation: 2 }, spec: { location: { country: 'FR' } } });
    const list = await api.list('Cluster', 'team');
    expect(list.items.map((c) => c.metadata.name)).toEqual(['eu-1']);
    expect(list.revision).toBeGreaterThan(0);
    await api.delete('Cluster', { namespace: 'team', name: 'eu-1' });
    expect(await api.get('Cluster', { namespace: 'team', name: 'eu-1' })).toBeUndefined();
  });

  it('ignore what a replaced object says of itself but its spec and maps, so that what was read can be written', async () => {
    const api = client();
    const made = await api.create('Cluster', { namespace: 'team', name: 'echo' }, cluster('echo'));
    const again = await api.replace('Cluster', { namespace: 'team', name: 'echo' }, made);
    expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it("are not replaced over someone else's change", async () => {
    const api = client();
    const made = await api.create('Cluster', { namespace: 'team', name: 'race' }, cluster('race'));
    await api.replace('Cluster', { namespace: 'team', name: 'race' }, cluster('race', 'FR'));
    await expect(
      api.replace(
        'Cluster',
        { namespace: 'team', name: 'race' },
        { ...made, spec: { location: { country: 'IT' } } },
      ),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    const stale = await call(`${V1}/namespaces/team/clusters/race`, {
      method: 'PUT',
      body: JSON.stringify(cluster('race')),
      headers: { 'if-match': `"${made.metadata.resourceVersion}"` },
    });
    expect(stale.status).toBe(409);
  });

  it('are only checked with dryRun', async () => {
    await client().create('Cluster', { namespace: 'team', name: 'ghost' }, cluster('ghost'), {
      dryRun: true,
    });
    expect(await client().get('Cluster', { namespace: 'team', name: 'ghost' })).toBeUndefined();
  });

  it('may be sent as YAML', async () => {
    const reply = await call(`${V1}/namespaces/team/clusters`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: 'metadata: {name: from-yaml}\nspec: {location: {country: DE}}\n',
    });
    expect(reply.status).toBe(201);
    expect(await reply.json()).toMatchObject({
      kind: 'Cluster',
      metadata: { namespace: 'team', name: 'from-yaml' },
    });
  });

  it('I36 are not read as YAML beyond 64 KiB, which would hold up the hub; JSON may have 4 MiB', async () => {
    const reply = await call(`${V1}/namespaces/team/clusters`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: `metadata: {name: big}\n# ${'x'.repeat(66_000)}\n`,
    });
    expect(reply.status).toBe(413);
    expect(await reply.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it('keep the finalizers of the hub whatever a document says', async () => {
    const key = { kind: 'Cluster', namespace: 'team', name: 'kept' } as const;
    const finalizers = ['portolan.dev/agent', 'example.com/other'];
    await hub.store.commit(
      [{ type: 'create', key, spec: { location: { country: 'DE' }, addresses: [] }, finalizers }],
      { actor: { id: 'hub', display: 'hub' } },
    );
    const silent = await client().replace('Cluster', key, cluster('kept', 'FR'));
    expect(silent.metadata.finalizers).toEqual(finalizers);
    const emptied = await client().replace('Cluster', key, {
      ...cluster('kept'),
      metadata: { name: 'kept', finalizers: ['portolan.dev/forged'] },
    });
    expect(emptied.metadata.finalizers).toEqual(['portolan.dev/agent']);
    const deleted = await client().delete('Cluster', key);
    expect(deleted.metadata.deletionTimestamp).toBeDefined();
  });

  it('are called deleted when an applied document takes the last finalizer of one that was to go', async () => {
    const api = client();
    const key = { kind: 'Cluster', namespace: 'team', name: 'held' } as const;
    const document = (finalizers: readonly string[]) => ({
      ...cluster('held'),
      metadata: { namespace: 'team', name: 'held', finalizers },
    });
    await api.apply({ documents: [document(['example.com/dns'])] });
    const asked = await api.apply({ delete: [key] });
    expect(asked.objects).toMatchObject([{ metadata: { finalizers: ['example.com/dns'] } }]);
    expect(asked.objects[0]?.metadata.deletionTimestamp).toBeDefined();
    const freed = document([]);
    expect((await api.plan({ documents: [freed] })).documents).toMatchObject([{ action: 'delete' }]);
    expect((await api.apply({ documents: [freed] })).documents).toMatchObject([{ action: 'delete' }]);
    expect(await api.get('Cluster', key)).toBeUndefined();
  });

  it('carry the warnings of the guards to the client', async () => {
    const admit = hub.services.admit;
    hub.services.admit = async () => ({ ok: true, warnings: ['no agent has joined — yet'] });
    const warned: string[] = [];
    await createClient({
      server: hub.bound.url,
      token: admin,
      onWarning: (text) => warned.push(text),
    }).create('Cluster', { namespace: 'team', name: 'warned' }, cluster('warned'));
    hub.services.admit = admit;
    expect(warned).toEqual(['no agent has joined — yet']);
  });
});

describe('admission', () => {
  it('I7 a refusal of the guards stops create, replace, delete, apply alike, and nothing is stored', async () => {
    const api = client();
    const key = { namespace: 'team', name: 'guarded' };
    await api.create('Cluster', key, cluster('guarded'));
    const admit = hub.services.admit;
    const seen: string[] = [];
    hub.services.admit = async (changes) => {
      seen.push(...changes.map((c) => c.type));
      return {
        ok: false,
        violations: changes.map((_, change) => ({
          change,
          path: 'spec.location',
          code: 'LAST_CAPACITY' as const,
          message: 'would leave api.example.com. with nothing',
          fix: 'Bring another cluster back first.',
        })),
      };
    };
    const revision = (await hub.store.list()).revision;
    const refused = { code: 'LAST_CAPACITY', violations: [{ code: 'LAST_CAPACITY' }] };
    await expect(
      api.create('Cluster', { namespace: 'team', name: 'other' }, cluster('other')),
    ).rejects.toMatchObject(refused);
    await expect(api.replace('Cluster', key, cluster('guarded', 'FR'))).rejects.toMatchObject(refused);
    await expect(api.delete('Cluster', key)).rejects.toMatchObject(refused);
    await expect(api.apply({ documents: [cluster('guarded', 'IT')] })).rejects.toMatchObject(refused);
    hub.services.admit = admit;
    expect(seen).toEqual(['create', 'update', 'delete', 'update']);
    expect((await hub.store.list()).revision).toBe(revision);
  });

  it('do not fail because the hub wrote a status meanwhile; only a version the client gave makes a conflict', async () => {
    const name = { namespace: 'team', name: 'busy' };
    const created = await client().create('Cluster', name, cluster('busy'));
    const admit = hub.services.admit;
    let statuses = 0;
    const statusBetween = async (): Promise<Awaited<ReturnType<typeof admit>>> => {
      statuses += 1;
      await hub.store.commit(
        [
          {
            type: 'status',
            key: { kind: 'Cluster', ...name },
            status: { conditions: [condition(statuses)] },
          },
        ],
        { actor: { id: 'hub', display: 'hub' } },
      );
      return { ok: true, warnings: [] };
    };
    const once = (): void => {
      let done = false;
      hub.services.admit = async () => {
        if (done) return { ok: true, warnings: [] };
        done = true;
        return statusBetween();
      };
    };
    const spec = (country: string) => ({ ...cluster('busy', country), metadata: name });
    try {
      once();
      await client().replace('Cluster', name, spec('FR'));
      once();
      await client().apply({ documents: [spec('NL')] });
      expect(statuses).toBe(2);
      expect(await client().get('Cluster', name)).toMatchObject({ spec: { location: { country: 'NL' } } });
      const { resourceVersion } = created.metadata;
      await expect(
        client().apply({ documents: [{ ...spec('SE'), metadata: { ...name, resourceVersion } }] }),
      ).rejects.toMatchObject({ code: 'CONFLICT' });
    } finally {
      hub.services.admit = admit;
    }
  });

  it('lets one write through at a time, so that what was admitted still holds at the commit', async () => {
    const admit = hub.services.admit;
    let inside = 0;
    let most = 0;
    let second: () => void = () => undefined;
    const crowded = new Promise<void>((resolve) => {
      second = resolve;
    });
    hub.services.admit = async () => {
      inside += 1;
      most = Math.max(most, inside);
      if (inside > 1) second();
      // Time for another to come in, if it can.
      await Promise.race([crowded, new Promise((resolve) => setTimeout(resolve, 40))]);
      inside -= 1;
      return { ok: true, warnings: [] };
    };
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        client().create('Cluster', { namespace: 'team', name: `lane-${i}` }, cluster(`lane-${i}`)),
      ),
    );
    hub.services.admit = admit;
    expect(most).toBe(1);
  });

  it('force takes the admin role and a reason, and the reason goes into the audit log', async () => {
    const operator = await hub.token([{ namespace: 'team', role: 'operator' }]);
    const check = {
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'HealthCheck',
      metadata: { namespace: 'team', name: 'forced' },
      spec: { protocol: 'tcp', port: 443 },
    };
    const path = `${V1}/namespaces/team/healthchecks`;
    const body = JSON.stringify(check);
    const asOperator = await call(`${path}?force=true&reason=because`, {
      method: 'POST',
      body,
      token: operator.text,
    });
    expect(asOperator.status).toBe(403);
    const unreasoned = await call(`${path}?force=true`, { method: 'POST', body });
    expect(await unreasoned.json()).toMatchObject({
      code: 'VALIDATION_FAILED',
      violations: [{ path: 'reason' }],
    });
    expect((await call(`${path}?force=true&reason=because`, { method: 'POST', body })).status).toBe(201);
    const entries = await hub.store.audit({ limit: 1000, namespace: 'team' });
    expect(entries.at(-1)).toMatchObject({
      verb: 'create',
      kind: 'HealthCheck',
      name: 'forced',
      reason: 'forced: because',
    });
  });
});

describe('secrets', () => {
  it('I33 never come back: not from a write, a read, a list, a watch, a plan, the audit log or the hub log', async () => {
    const canary = 'canary-5f1d0c';
    const secret = {
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Secret',
      metadata: { namespace: 'team', name: 'ca' },
      spec: { stringData: { 'ca.pem': canary } },
    };
    const path = `${V1}/namespaces/team/secrets`;
    const revision = (await hub.store.list()).revision;
    const texts = [
      await (await call(path, { method: 'POST', body: JSON.stringify(secret) })).text(),
      await (await call(`${path}/ca`)).text(),
      await (await call(path)).text(),
      await (
        await call('/v1/plan', {
          method: 'POST',
          body: JSON.stringify({
            documents: [{ ...secret, spec: { stringData: { 'ca.pem': `${canary}-2` } } }],
          }),
        })
      ).text(),
      await (
        await call('/v1/apply', {
          method: 'POST',
          body: JSON.stringify({
            documents: [{ ...secret, spec: { stringData: { 'ca.pem': `${canary}-3` } } }],
          }),
        })
      ).text(),
      await (await call('/v1/audit?limit=1000')).text(),
      await (
        await call(path, {
          method: 'POST',
          body: JSON.stringify({ ...secret, spec: { stringData: { 'bad key': canary } } }),
        })
      ).text(),
    ];
    const stop = new AbortController();
    for await (const change of client().watch(
      { kind: 'Secret' },
      { signal: stop.signal, fromRevision: revision },
    )) {
      texts.push(JSON.stringify(change));
      if (texts.length > 8) stop.abort();
    }
    expect(texts[0]).toContain('"name":"ca"');
    expect(texts[3]).toContain('"update"');
    for (const text of [...texts, ...hub.logged]) expect(text).not.toContain(canary);
    expect(await hub.store.secretData({ kind: 'Secret', namespace: 'team', name: 'ca' })).toEqual({
      'ca.pem': `${canary}-3`,
    });
  });
});

describe('a Secret that is refused', () => {
  const canary = 'CANARY-4242';
  it.each([
    ['a value in place of the mapping', JSON.stringify({ spec: { stringData: canary } })],
    ['a number', `{"spec": {"stringData": {"k": 4242}}}`],
    ['a list', JSON.stringify({ spec: { stringData: { k: [canary] } } })],
    ['no quotes', `{"spec": {"stringData": {"k": ${canary}}}}`],
    ['something after the end', `{"spec": {"stringData": {"k": "${canary}"}}} ${canary}`],
  ])('I33 does not repeat its value: %s', async (_what, body) => {
    const reply = await call(`${V1}/namespaces/team/secrets`, { method: 'POST', body });
    expect([400, 422]).toContain(reply.status);
    expect(await reply.text()).not.toMatch(/ANARY|4242/);
  });
});

describe('plan and apply', () => {
  const check = (name: string, port: number) => ({
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'HealthCheck',
    metadata: { namespace: 'plans', name },
    spec: { protocol: 'tcp', port },
  });

  it('a plan says what each document would do and stores nothing', async () => {
    const api = client();
    await api.apply({ documents: [check('same', 1), check('changed', 1), check('gone', 1)] });
    const revision = (await hub.store.list()).revision;
    const plan = await api.plan({
      documents: [check('same', 1), check('changed', 2), check('new', 1), { kind: 'HealthChek' }],
      delete: [{ kind: 'HealthCheck', namespace: 'plans', name: 'gone' }],
    });
    expect(plan.documents.map((d) => d.action)).toEqual([
      'unchanged',
      'update',
      'create',
      'invalid',
      'delete',
    ]);
    expect(plan.documents[1]?.fields).toEqual([{ path: 'spec.port', before: 1, after: 2 }]);
    expect(plan.documents[3]?.violations[0]).toMatchObject({ code: 'KIND_UNKNOWN' });
    expect(plan).toMatchObject({ ok: false, changes: 3 });
    expect((await hub.store.list()).revision).toBe(revision);
  });

  it('a plan shows answers only of namespaces the caller sees', async () => {
    const planAnswers = hub.services.planAnswers;
    const share = { endpoint: 'e', cluster: 'plans/c', percent: 100 };
    hub.services.planAnswers = async () => ({
      compared: { hostnames: 2, places: 2 },
      changes: ['plans', 'hidden'].map((namespace) => ({
        hostname: `${namespace}.example.`,
        namespace,
        places: ['DE'],
        before: [],
        after: [share],
      })),
    });
    const { text } = await hub.token([{ namespace: 'plans', role: 'viewer' }]);
    const plan = await createClient({ server: hub.bound.url, token: text }).plan({
      documents: [check('answers', 9)],
    });
    hub.services.planAnswers = planAnswers;
    expect(plan.answers.changes.map((c) => c.hostname)).toEqual(['plans.example.']);
  });

  it('I36 apply does all or nothing: one bad document and none is stored', async () => {
    const before = (await hub.store.list()).revision;
    const outcome = client().apply({
      documents: [check('half', 1), { ...check('applied', 1), spec: { protocol: 'tcp', prot: 1 } }],
    });
    await expect(outcome).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      violations: [
        { path: 'documents[1].spec.port' },
        { path: 'documents[1].spec.prot', fix: 'Did you mean "port"?' },
      ],
    });
    expect((await hub.store.list()).revision).toBe(before);
  });

  it('the same object twice in one apply is refused', async () => {
    await expect(client().apply({ documents: [check('twice', 1), check('twice', 2)] })).rejects.toMatchObject(
      { code: 'VALIDATION_FAILED' },
    );
  });
});

describe('watch', () => {
  it('cut off in the middle of a commit, gives the rest of it and nothing twice', async () => {
    const names = ['one', 'two', 'three'];
    const documents = names.map((name) => ({ ...cluster(name), metadata: { namespace: 'cut', name } }));
    const { revision } = await client().apply({ documents });
    // The connection breaks after every event.
    const fetchOneEvent: typeof fetch = async (input, init) => {
      const reply = await fetch(input, init);
      async function* firstEvent(body: AsyncIterable<Uint8Array>) {
        let text = '';
        for await (const chunk of body) {
          text += Buffer.from(chunk).toString();
          const [event] = /event: [\s\S]*?\n\n/.exec(text) ?? [];
          if (event === undefined) continue;
          yield Buffer.from(text.slice(0, text.indexOf(event) + event.length));
          return;
        }
      }
      return new Response(reply.body && ReadableStream.from(firstEvent(reply.body)), reply);
    };
    const api = createClient({
      server: hub.bound.url,
      token: admin,
      fetch: fetchOneEvent,
      sleep: async () => undefined,
    });
    const stop = new AbortController();
    const given: string[] = [];
    for await (const change of api.watch(
      { namespace: 'cut' },
      { signal: stop.signal, fromRevision: revision - 1 },
    )) {
      given.push('object' in change ? `${change.type} ${change.object.metadata.name}` : change.type);
      if (given.length === names.length) stop.abort();
    }
    expect(given).toEqual(names.map((name) => `added ${name}`));
  });

  it('gives what is there, then what happens, and resumes after a revision without loss', async () => {
    const api = client();
    const doc = (name: string) => ({ ...cluster(name), metadata: { namespace: 'watched', name } });
    await api.create('Cluster', { namespace: 'watched', name: 'a' }, doc('a'));
    const stop = new AbortController();
    const seen: string[] = [];
    let revision = 0;
    for await (const change of api.watch(
      { kind: 'Cluster', namespace: 'watched' },
      { signal: stop.signal },
    )) {
      seen.push(
        change.type === 'synced' || change.type === 'restarted'
          ? change.type
          : `${change.type} ${change.object.metadata.name}`,
      );
      if (change.type === 'synced')
        await api.create('Cluster', { namespace: 'watched', name: 'b' }, doc('b'));
      if (seen.at(-1) === 'added b') {
        revision = change.type === 'restarted' ? 0 : change.revision;
        stop.abort();
      }
    }
    expect(seen).toEqual(['added a', 'synced', 'added b']);
    await api.replace(
      'Cluster',
      { namespace: 'watched', name: 'a' },
      { ...doc('a'), spec: { location: { country: 'FR' } } },
    );
    await api.delete('Cluster', { namespace: 'watched', name: 'b' });
    const again = new AbortController();
    const later: string[] = [];
    for await (const change of api.watch(
      { namespace: 'watched' },
      { signal: again.signal, fromRevision: revision },
    )) {
      if ('object' in change) later.push(`${change.type} ${change.object.metadata.name}`);
      if (later.length === 2) again.abort();
    }
    expect(later).toEqual(['modified a', 'deleted b']);
  });

  it('shows a namespaced token nothing of other namespaces', async () => {
    const { text } = await hub.token([{ namespace: 'mine', role: 'viewer' }]);
    const api = createClient({ server: hub.bound.url, token: text });
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const change of api.watch({ kind: 'Cluster' }, { signal: stop.signal })) {
      if ('object' in change) seen.push(change.object.metadata.namespace);
      if (change.type === 'synced') {
        await client().create(
          'Cluster',
          { namespace: 'theirs', name: 'x' },
          { ...cluster('x'), metadata: { name: 'x' } },
        );
        await client().create(
          'Cluster',
          { namespace: 'mine', name: 'x' },
          { ...cluster('x'), metadata: { name: 'x' } },
        );
      }
      if (seen.length > 0) stop.abort();
    }
    expect(seen).toEqual(['mine']);
  });
});

describe('bad requests', () => {
  const problemOf = async (reply: Response) => {
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    const body: unknown = await reply.json();
    expect(body).toMatchObject({
      status: reply.status,
      code: someText,
      detail: someText,
      fix: someText,
      requestId: reply.headers.get('x-request-id'),
    });
    return body;
  };

  it.each([
    ['an unknown path', 404, 'NOT_FOUND', () => call('/nope')],
    ['an unknown object', 404, 'NOT_FOUND', () => call(`${V1}/namespaces/team/clusters/none`)],
    [
      'a method the path does not have',
      405,
      'METHOD_NOT_ALLOWED',
      () => call(`${V1}/namespaces/team/clusters/x`, { method: 'PATCH', body: '{}' }),
    ],
    [
      'malformed JSON',
      400,
      'YAML_INVALID',
      () => call(`${V1}/namespaces/team/clusters`, { method: 'POST', body: '{"kind":' }),
    ],
    [
      'a body that is no UTF-8',
      400,
      'YAML_INVALID',
      () =>
        call(`${V1}/namespaces/team/clusters`, { method: 'POST', body: new Uint8Array([0x22, 0xff, 0x22]) }),
    ],
    [
      'an empty body',
      422,
      'VALIDATION_FAILED',
      () => call(`${V1}/namespaces/team/clusters`, { method: 'POST', body: '' }),
    ],
    [
      'a media type nobody reads',
      415,
      'MEDIA_TYPE_UNSUPPORTED',
      () =>
        call(`${V1}/namespaces/team/clusters`, {
          method: 'POST',
          body: '<a/>',
          headers: { 'content-type': 'text/xml' },
        }),
    ],
    [
      'a body above 4 MiB',
      413,
      'PAYLOAD_TOO_LARGE',
      () => call(`${V1}/namespaces/team/clusters`, { method: 'POST', body: 'x'.repeat(4 * 1024 * 1024 + 1) }),
    ],
    [
      "another kind than the path's",
      422,
      'VALIDATION_FAILED',
      () =>
        call(`${V1}/namespaces/team/clusters`, {
          method: 'POST',
          body: JSON.stringify({ ...cluster('k'), kind: 'Zone' }),
        }),
    ],
    [
      "another namespace than the path's",
      422,
      'VALIDATION_FAILED',
      () => call(`${V1}/namespaces/other/clusters`, { method: 'POST', body: JSON.stringify(cluster('k')) }),
    ],
    ['an unknown query parameter', 422, 'VALIDATION_FAILED', () => call(`${V1}/clusters?wach=true`)],
    [
      'a repeated query parameter',
      422,
      'VALIDATION_FAILED',
      () => call(`${V1}/clusters?watch=true&watch=false`),
    ],
    ['a namespace that is no name', 422, 'VALIDATION_FAILED', () => call(`${V1}/namespaces/*/clusters`)],
    [
      'an If-Match that is no ETag',
      422,
      'VALIDATION_FAILED',
      () => call(`${V1}/namespaces/team/clusters/x`, { method: 'DELETE', headers: { 'if-match': 'abc' } }),
    ],
    ['no token', 401, 'UNAUTHENTICATED', () => call(`${V1}/clusters`, { headers: { authorization: '' } })],
    [
      'a forged token',
      401,
      'UNAUTHENTICATED',
      () => call(`${V1}/clusters`, { token: `ptk1.0123456789abcdef.${'A'.repeat(43)}` }),
    ],
  ])('%s is answered with %i %s', async (_what, status, code, request) => {
    const reply = await request();
    expect(reply.status).toBe(status);
    expect(await problemOf(reply)).toMatchObject({ code });
  });

  it('405 names the methods in Allow, 401 the scheme', async () => {
    expect((await call('/v1/whoami', { method: 'POST' })).headers.get('allow')).toBe('GET');
    expect((await call('/v1/whoami', { token: 'x' })).headers.get('www-authenticate')).toContain('Bearer');
  });

  it('a body sent in chunks without a length is cut off at the limit', async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent > 64) controller.close();
        else controller.enqueue(chunk);
        sent += 1;
      },
    });
    const reply = await call(`${V1}/namespaces/team/clusters`, { method: 'POST', body, duplex: 'half' }).then(
      (r) => r.status,
      () => 'connection closed',
    );
    expect([413, 'connection closed']).toContain(reply);
    expect(sent).toBeLessThan(64);
  });

  it('what breaks inside reaches the log with the request id, not the caller', async () => {
    const resolve = hub.services.resolve;
    hub.services.resolve = async () => {
      throw new TypeError('secret inner detail');
    };
    const reply = await call('/v1/resolve?hostname=a.example.com');
    hub.services.resolve = resolve;
    const text = await reply.text();
    expect(reply.status).toBe(500);
    expect(text).not.toContain('secret inner detail');
    const line = hub.logged.find((l) => l.includes('secret inner detail'));
    expect(line).toContain(reply.headers.get('x-request-id') ?? 'none');
  });

  it('a request that takes too long is given up', async () => {
    const slow = await startTestHub({ requestTimeoutMs: 50 });
    slow.services.metrics = () => new Promise(() => undefined);
    const { text } = await slow.token([{ namespace: '*', role: 'viewer' }]);
    const reply = await fetch(`${slow.bound.url}/metrics`, { headers: { authorization: `Bearer ${text}` } });
    expect(await reply.json()).toMatchObject({ code: 'TIMEOUT', status: 503 });
    await slow.close();
  });
});
