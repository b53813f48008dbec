import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestHub, type TestHub } from './fixture.ts';
import { idleDnsServices, ZONE_STATE } from './fixture-dns.ts';

let hub: TestHub;
let dns: ReturnType<typeof idleDnsServices>;
let token: string;

beforeEach(async () => {
  hub = await startTestHub();
  dns = idleDnsServices();
  hub.services.dns = dns;
  token = (await hub.token([{ namespace: 'team', role: 'admin' }])).text;
});
afterEach(() => hub.close());

async function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const reply = await fetch(`${hub.bound.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, json: await reply.json() };
}

const CLOUD = '/v1/providers/team/cloud';

describe('DNS providers in the API', () => {
  it('shows zones, their content and how they stand', async () => {
    expect(await call('GET', `${CLOUD}/zones`)).toMatchObject({
      status: 200,
      json: { items: [{ origin: 'example.com.', id: 'Z1' }] },
    });
    expect(await call('GET', `${CLOUD}/content?zone=Example.com`)).toEqual({
      status: 200,
      json: { origin: 'example.com.', records: [] },
    });
    expect(await call('GET', `${CLOUD}/states`)).toEqual({ status: 200, json: { items: [ZONE_STATE] } });
    expect(await call('POST', `${CLOUD}/check`)).toMatchObject({ status: 200, json: { ok: true } });
  });

  it('hands over who approves, rolls back and resumes, and why', async () => {
    const plan = '0123456789abcdef';
    await call('POST', `${CLOUD}/approve?reason=seen`, { zone: 'example.com', plan });
    await call('POST', `${CLOUD}/rollback?reason=outage`, { zone: 'example.com', generation: 2 });
    await call('POST', `${CLOUD}/resume`, { zone: 'example.com' });
    expect(dns.done).toEqual([
      'approve example.com. 0123456789abcdef by test: seen',
      'rollback example.com. 2: outage',
      'resume example.com.',
    ]);
  });

  it('adopts what the preview showed, and nothing without the word', async () => {
    const preview = { hostname: 'www.example.com', provider: 'cloud' };
    await call('POST', '/v1/adoptions/team?dryRun=true', preview);
    await call('POST', '/v1/adoptions/team', { ...preview, digests: { 'cloud/example.com.': 'd1' } });
    expect(dns.done).toEqual([
      'adopt www.example.com. at cloud undefined dry',
      'adopt www.example.com. at cloud {"cloud/example.com.":"d1"}',
    ]);
  });

  it('refuses a hash that is none, a zone that is no name, and a provider that does not exist', async () => {
    expect(await call('POST', `${CLOUD}/approve`, { zone: 'example.com', plan: 'x' })).toMatchObject({
      status: 422,
      json: { code: 'VALIDATION_FAILED' },
    });
    expect(await call('GET', `${CLOUD}/content?zone=a..b`)).toMatchObject({ status: 422 });
    expect(await call('GET', '/v1/providers/team/other/zones')).toMatchObject({
      status: 404,
      json: { code: 'NOT_FOUND' },
    });
    expect(dns.done).toEqual([]);
  });

  it('I31 shows what is in a zone to operators alone, in a plan too', async () => {
    dns.planRecords = async () => ({
      reports: [],
      zones: [{ provider: 'team/cloud', origin: 'example.com.', changes: [], held: [] }],
    });
    const documents = [
      {
        apiVersion: 'portolan.dev/v1alpha1',
        kind: 'HealthCheck',
        metadata: { namespace: 'team', name: 'web' },
        spec: { protocol: 'tcp', port: 443 },
      },
    ];
    const zonesSeen = async (): Promise<unknown> => {
      const { json } = await call('POST', '/v1/plan', { documents });
      const records: unknown = Reflect.get(Object(json), 'records');
      return Reflect.get(Object(records), 'zones');
    };
    expect(await zonesSeen()).toHaveLength(1);
    token = (await hub.token([{ namespace: 'team', role: 'viewer' }])).text;
    expect(await zonesSeen()).toEqual([]);
    expect(await call('GET', `${CLOUD}/content?zone=example.com`)).toMatchObject({ status: 403 });
  });
});
