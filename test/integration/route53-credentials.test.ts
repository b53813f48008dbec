import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { type DnsProviderSpec, dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { openAccount } from '../fakes/route53/account.ts';
import { type FakeRoute53, startFakeRoute53 } from '../fakes/route53/server.ts';
import { startTokenService, type TokenService } from '../fakes/route53/token-service.ts';
import { containing } from '../support/matchers.ts';

const never = new AbortController().signal;
const ROLE = 'arn:aws:iam::123456789012:role/portolan-dns';

let server: FakeRoute53;
let tokens: TokenService;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-route53-'));
  server = await startFakeRoute53();
  server.createZone('example.com');
  tokens = await startTokenService(server);
  vi.stubEnv('AWS_ENDPOINT_URL_STS', tokens.endpoint);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'));
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all([server.close(), tokens.close(), rm(folder, { recursive: true, force: true })]);
});

function spec(route53: object): DnsProviderSpec {
  return dnsProviderSpec.parse({
    zones: [{ origin: 'example.com' }],
    route53: { endpoint: server.endpoint, ...route53 },
  });
}

async function origins(asked: DnsProviderSpec, secret: Readonly<Record<string, string>> = {}) {
  const provider = await openAccount(server, asked, { secret });
  try {
    return (await provider.zones(never)).map(({ origin }) => origin);
  } finally {
    await provider.close();
  }
}

describe('the hub signs in to Route 53', () => {
  it('with the keys of the environment, when no Secret is named', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', server.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', server.secretAccessKey);
    expect(await origins(spec({}))).toEqual([parseName('example.com')]);
  });

  it('by web identity, as IRSA sets it up', async () => {
    await writeFile(join(folder, 'token'), 'the.service.account');
    vi.stubEnv('AWS_ROLE_ARN', ROLE);
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(folder, 'token'));
    expect(await origins(spec({}))).toEqual([parseName('example.com')]);
    expect(tokens.asked).toMatchObject([
      { Action: 'AssumeRoleWithWebIdentity', RoleArn: ROLE, WebIdentityToken: 'the.service.account' },
    ]);
  });

  it('in a role that the keys of the Secret may assume, once for many requests', async () => {
    const asked = spec({ secret: 'route53', assumeRole: { roleArn: ROLE, externalId: 'agreed' } });
    const secret = { accessKeyId: 'AKIAOTHEROTHEROTHER0', secretAccessKey: 'of another account' };
    expect(await origins(asked, secret)).toEqual([parseName('example.com')]);
    expect(tokens.asked).toMatchObject([
      { Action: 'AssumeRole', RoleArn: ROLE, ExternalId: 'agreed', RoleSessionName: 'portolan-conformance' },
    ]);
  });

  it('or says which permission is missing: here that of assuming the role', async () => {
    tokens.refuse = true;
    const asked = spec({ secret: 'route53', assumeRole: { roleArn: ROLE } });
    await expect(
      origins(asked, { accessKeyId: 'AKIAOTHEROTHEROTHER0', secretAccessKey: 'any' }),
    ).rejects.toMatchObject({
      failure: 'denied',
      fix: containing('`sts:AssumeRole`'),
    });
  });

  it('or says that there are no credentials at all', async () => {
    await expect(origins(spec({}))).rejects.toMatchObject({
      failure: 'denied',
      fix: containing('route53.secret'),
    });
  });

  it('asks the token service only where the guard lets it', async () => {
    const asked = spec({ secret: 'route53', assumeRole: { roleArn: ROLE } });
    vi.stubEnv('AWS_ENDPOINT_URL_STS', tokens.endpoint.replace('127.0.0.1', 'sts.test'));
    const provider = await openAccount(server, asked, {
      guard: {
        check: () => undefined,
        lookup: (_h, _o, callback) => callback(new Error('forbidden'), '', 4),
      },
    });
    await expect(provider.zones(never)).rejects.toBeInstanceOf(Error);
    expect(tokens.asked).toEqual([]);
    await provider.close();
  });
});
