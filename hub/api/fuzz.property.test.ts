import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/errors/table.ts';
import type { Endpoint } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { startTestHub, type TestHub } from './fixture.ts';

let hub: TestHub;
let token: string;
beforeAll(async () => {
  hub = await startTestHub({ streams: { heartbeatMs: 1000, maximum: 500 } });
  token = (await hub.token([{ namespace: '*', role: 'admin' }])).text;
  await hub.store.commit(
    [
      {
        type: 'create',
        key: { kind: 'Cluster', namespace: 'team', name: 'eu-1' },
        spec: { location: { country: 'DE' }, addresses: [] },
      },
    ],
    { actor: { id: 'hub', display: 'hub' } },
  );
});
afterAll(() => hub.close());

const plain = fc.constantFrom('team', 'eu-1', 'x', '0123456789abcdef');
const segment = fc.oneof(
  plain,
  plain,
  fc.string({ minLength: 1, maxLength: 20 }).filter((s) => s !== '.' && s !== '..'),
);
const key = fc.constantFrom(
  'apiVersion',
  'kind',
  'metadata',
  'spec',
  'name',
  'namespace',
  'documents',
  'delete',
  'location',
  'country',
  'display',
  'bindings',
  'role',
  'reason',
  'ttlSeconds',
  'expiresAt',
  'stringData',
  'protocol',
  'port',
  'action',
  'cluster',
  '__proto__',
);
const word = fc.constantFrom(
  'portolan.dev/v1alpha1',
  'Cluster',
  'team',
  'eu-1',
  'DE',
  'viewer',
  '*',
  'http',
  'drain',
  '2030-01-01T00:00:00Z',
  1,
  80,
  true,
  null,
);
const json = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    word,
    fc.dictionary(key, tie('any'), { maxKeys: 5 }),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.jsonValue({ maxDepth: 2 }),
  ),
})).any;
const body = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  fc.string(),
);
const query = fc.dictionary(
  fc.constantFrom(
    'dryRun',
    'force',
    'reason',
    'resourceVersion',
    'hostname',
    'type',
    'client',
    'from',
    'limit',
    'after',
    'namespace',
    'nope',
  ),
  fc.oneof(
    fc.constantFrom('true', 'false', 'A', 'DE', '192.0.2.1', '10', 'team', 'a.example.com'),
    fc.string({ maxLength: 20 }),
  ),
  { maxKeys: 3 },
);

const call = async (
  endpoint: Endpoint,
  parts: readonly string[],
  parameters: Record<string, string>,
  text: string,
): Promise<Response> => {
  let at = 0;
  const path = endpoint.path.replace(/\{\w+\}/g, () => {
    at += 1;
    return encodeURIComponent(parts[at - 1] ?? 'x');
  });
  const url = `${hub.bound.url}${path}?${new URLSearchParams(parameters).toString()}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return fetch(
    url,
    endpoint.method === 'GET' ? { headers } : { method: endpoint.method, headers, body: text },
  );
};

it('I36 any request is answered as documented: a body of the documented shape, or a problem with a known code and a fix', async () => {
  // Watches never end by themselves; they have their own tests.
  const endpoints = ENDPOINTS.filter((e) => e.id !== 'watchAll');
  const succeeded = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...endpoints),
      fc.array(segment, { minLength: 2, maxLength: 2 }),
      query,
      body,
      async (endpoint, parts, parameters, text) => {
        const reply = await call(endpoint, parts, parameters, text);
        const raw = await reply.text();
        const documented = endpoint.replies[reply.status];
        if (documented !== undefined && reply.headers.get('content-type') !== 'application/problem+json') {
          succeeded.add(endpoint.id);
          if (documented.schema === undefined || reply.headers.get('content-type') !== 'application/json')
            return;
          const shape = documented.schema.safeParse(JSON.parse(raw));
          expect({ id: endpoint.id, issues: shape.error?.issues }).toEqual({
            id: endpoint.id,
            issues: undefined,
          });
          return;
        }
        const context = `${endpoint.method} ${reply.url} ${text} → ${reply.status} ${raw}`;
        expect(reply.headers.get('content-type'), context).toBe('application/problem+json');
        const problem: unknown = JSON.parse(raw);
        expect(problem, context).toMatchObject({ status: reply.status });
        const code: unknown =
          typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : undefined;
        expect(Object.keys(ERROR_TABLE), context).toContain(code);
        expect(reply.status, context).toBeLessThan(500);
      },
    ),
    { numRuns: 1500 },
  );
  // The generator must reach behind the validation, or the test shows nothing.
  expect(succeeded.size).toBeGreaterThan(10);
  expect((await fetch(`${hub.bound.url}/healthz`)).status).toBe(200);
}, 60_000);
