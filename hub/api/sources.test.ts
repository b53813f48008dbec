import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAs } from '../../src/resources/validate.ts';
import { containing } from '../../test/support/matchers.ts';
import { MANAGED_BY } from '../sources/contract.ts';
import type { RoleBinding } from '../store/contract.ts';
import { startTestHub, type TestHub } from './fixture.ts';

const check = (port: number, annotations: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'HealthCheck',
  metadata: { name: 'web', namespace: 'shop', annotations },
  spec: { protocol: 'tcp', port },
});
const one = '/apis/portolan.dev/v1alpha1/namespaces/shop/healthchecks/web';
const key = { kind: 'HealthCheck', namespace: 'shop', name: 'web' } as const;

let hub: TestHub;
let tokens: Readonly<Record<RoleBinding['role'], string>>;
beforeEach(async () => {
  hub = await startTestHub();
  const of = async (role: RoleBinding['role']) => (await hub.token([{ namespace: 'shop', role }])).text;
  tokens = { admin: await of('admin'), operator: await of('operator'), viewer: await of('viewer') };
  hub.services.sources = { ...hub.services.sources, originOf: () => 'shop/web.yaml:3' };
  await hub.store.commit(
    [
      {
        type: 'create',
        key,
        spec: parseAs('HealthCheck', check(80)).spec,
        annotations: { [MANAGED_BY]: 'git-folder' },
      },
    ],
    { actor: { id: 'source/git-folder', display: 'the Git folder' } },
  );
});
afterEach(() => hub.close());

async function send(method: string, path: string, body?: unknown, role: RoleBinding['role'] = 'admin') {
  const answer = await fetch(`${hub.bound.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${tokens[role]}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as unknown };
}
const port = async (): Promise<unknown> => (await hub.store.get(key))?.spec;

describe('an object that a source sets', () => {
  it.each([
    ['replaced', 'PUT', one, check(81)],
    ['deleted', 'DELETE', one, undefined],
    ['applied', 'POST', '/v1/apply', { documents: [check(81)] }],
    ['deleted among others', 'POST', '/v1/apply', { delete: [key] }],
    [
      'stripped of the annotation',
      'PUT',
      one,
      { ...check(80), metadata: { ...check(80).metadata, labels: { a: 'b' } } },
    ],
  ])('I7 is not %s by anybody else, with force neither', async (_how, method, path, body) => {
    for (const query of ['', '?force=true&reason=now']) {
      expect(await send(method, `${path}${query}`, body)).toMatchObject({
        status: 409,
        body: { code: 'MANAGED_ELSEWHERE', detail: containing('shop/web.yaml:3') },
      });
    }
    expect(await port()).toMatchObject({ port: 80 });
  });

  it('may be applied as it was read, or as it stands in Git: nothing is written', async () => {
    const before = (await hub.store.get(key))?.metadata;
    expect((await send('PUT', one, (await send('GET', one)).body)).status).toBe(200);
    expect((await send('PUT', one, check(80))).status).toBe(200);
    expect(
      (await send('PUT', one, check(80, { 'portolan.dev/adopt': 'true', [MANAGED_BY]: 'kubernetes' })))
        .status,
    ).toBe(200);
    expect((await hub.store.get(key))?.metadata).toEqual(before);
  });

  it('I7 is taken over by an admin who says why; the source does not get it back by itself', async () => {
    expect(await send('PUT', `${one}?takeOver=true&reason=x`, check(81), 'operator')).toMatchObject({
      status: 403,
    });
    expect(await send('PUT', `${one}?takeOver=true`, check(81))).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED' },
    });
    expect(await send('PUT', `${one}?takeOver=true&reason=fire`, check(81))).toMatchObject({ status: 200 });
    expect(await hub.store.get(key)).toMatchObject({
      spec: { port: 81 },
      metadata: { annotations: { [MANAGED_BY]: 'api' } },
    });
    expect((await hub.store.audit({ limit: 10 })).at(-1)).toMatchObject({ reason: 'taken over: fire' });
    expect(await send('PUT', one, check(82), 'operator')).toMatchObject({ status: 200 });
    expect((await hub.store.get(key))?.metadata.annotations).toEqual({ [MANAGED_BY]: 'api' });
  });

  it('is planned with who sets it', async () => {
    expect(await send('POST', '/v1/plan', { documents: [check(81)] }, 'viewer')).toMatchObject({
      body: {
        ok: true,
        documents: [{ action: 'update', managedBy: 'git-folder' }],
        warnings: [containing('would overrule this')],
      },
    });
    expect(await send('POST', '/v1/plan', { documents: [check(80)] }, 'viewer')).toMatchObject({
      body: { documents: [{ action: 'unchanged' }], warnings: [] },
    });
  });
});

describe('who sets an object', () => {
  it("I7 is not a document's to say: a new one with the annotation is nobody's", async () => {
    const made = {
      ...check(80, { [MANAGED_BY]: 'git-folder', mine: 'x' }),
      metadata: {
        ...check(80).metadata,
        name: 'new',
        annotations: { [MANAGED_BY]: 'git-folder', mine: 'x' },
      },
    };
    expect(await send('POST', one.replace('/web', ''), made)).toMatchObject({
      status: 201,
      body: { metadata: { annotations: { mine: 'x' } } },
    });
    expect((await hub.store.get({ ...key, name: 'new' }))?.metadata.annotations).toEqual({ mine: 'x' });
  });
});

describe('what is held', () => {
  it('I31 is seen and approved only by roles in its namespace', async () => {
    const approved: string[] = [];
    const held = (namespace: string) => ({
      id: `${namespace}00000000`.slice(0, 12),
      source: 'git-folder' as const,
      key: { ...key, namespace },
      verb: 'update' as const,
      origin: 'x.yaml:1',
      violations: [],
      since: '2026-11-22T09:00:00Z',
    });
    hub.services.sources = {
      ...hub.services.sources,
      held: [held('shop'), held('other')],
      approve: async (id) => void approved.push(id),
    };
    expect(await send('GET', '/v1/sources/held', undefined, 'viewer')).toMatchObject({
      body: { items: [{ key: { namespace: 'shop' } }] },
    });
    const path = (namespace: string): string => `/v1/sources/held/${held(namespace).id}/approve`;
    expect((await send('POST', path('shop'), { reason: 'x' }, 'operator')).status).toBe(403);
    expect((await send('POST', path('other'), { reason: 'x' })).status).toBe(403);
    expect((await send('POST', '/v1/sources/held/unknown/approve', { reason: 'x' })).status).toBe(403);
    expect((await send('POST', path('shop'), {})).status).toBe(422);
    expect((await send('POST', path('shop'), { reason: 'x' })).status).toBe(200);
    expect(approved).toEqual([held('shop').id]);
  });
});
