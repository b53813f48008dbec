import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestAuthority } from '../../prober/testing/authority.ts';
import { google } from '../../providers/google/provider.ts';
import { startFakeGoogle } from '../fakes/google-dns/server.ts';
import { containing } from '../support/matchers.ts';
import { failureOf, googleWorld, set, soon, WWW, write, ZONE } from './google-dns/world.ts';

const world = googleWorld();

describe('credentials', () => {
  it('of a service account are exchanged with a signed assertion', async () => {
    await (await world.provider()).zones(soon());
    const stranger = await startFakeGoogle();
    const key: unknown = JSON.parse(stranger.credentials());
    await stranger.close();
    const forged = JSON.stringify({ ...Object(key), token_uri: `${world.fake.endpoint}/token` });
    const error = await failureOf(
      (await world.provider({ secret: { 'credentials.json': forged } })).zones(soon()),
    );
    expect(error).toMatchObject({
      failure: 'denied',
      message: containing('Invalid JWT Signature'),
      fix: containing('credentials.json'),
    });
  });

  it('of workload identity federation are exchanged for a token', async () => {
    const federated = await world.provider({ secret: { 'credentials.json': world.fake.federation() } });
    expect((await federated.zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
  });

  describe('that are the default of the application', () => {
    beforeEach(() => {
      const { google: account, ...rest } = world.spec;
      if (account === undefined) throw new Error('it is an account at Google');
      const { secret: _, ...withoutSecret } = account;
      world.spec = { ...rest, google: withoutSecret };
    });
    afterEach(() => vi.unstubAllEnvs());

    it('come from a file that the operator names', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'portolan-google-'));
      try {
        const file = join(folder, 'credentials.json');
        await writeFile(file, world.fake.federation());
        vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file);
        expect((await (await world.provider({ secret: {} })).zones(soon())).map(({ id }) => id)).toEqual([
          ZONE.id,
        ]);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("come from the machine's metadata, as with workload identity of GKE", async () => {
      vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '');
      vi.stubEnv('HOME', '/nonexistent');
      vi.stubEnv('GCE_METADATA_HOST', new URL(world.fake.endpoint).host);
      const reader = await world.provider({ secret: {} });
      expect((await reader.zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
    });
  });

  it('that are revoked midway are said to be, and new ones are asked for', async () => {
    const writer = await world.provider();
    await writer.zones(soon());
    world.fake.tokens.revoke();
    await expect(writer.zones(soon())).rejects.toMatchObject({ failure: 'denied' });
    // The old token is forgotten: the second failure is Google's refusal to give another.
    await expect(writer.zones(soon())).rejects.toMatchObject({ message: containing('no access token') });
  });

  it('that lack a permission are told which, by the check as well', async () => {
    const writer = await world.provider();
    world.fake.faults.denied.add('dns.changes.create');
    await expect(write(writer, set(WWW, 'A', ['192.0.2.1']), 1)).rejects.toMatchObject({
      failure: 'denied',
      fix: containing('dns.changes.create'),
    });
    const findings = await writer.check([ZONE], soon());
    expect(findings.filter(({ ok }) => !ok)).toEqual([
      {
        subject: 'dns.changes.create google-example',
        ok: false,
        message: 'Not granted in zone google-example.',
        fix: containing('roles/dns.admin'),
      },
    ]);
  });
});

describe('the endpoint', () => {
  it('is trusted by the authority of caSecret, and not without it', async () => {
    const authority = await createTestAuthority('Private CA');
    await world.restart({ tls: await authority.issue(['localhost']) });
    const trusting = await world.provider({ ca: authority.ca });
    expect((await trusting.zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
    const strict = await failureOf((await world.provider()).zones(soon()));
    expect(strict).toMatchObject({
      name: 'ProviderError',
      failure: 'transient',
      fix: containing('caSecret'),
    });
    expect(world.fake.requests.get('managedZones.list')).toBe(1);
  });
});

describe('the SDK', () => {
  it('is not loaded by a hub that only knows of the provider', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const { google } = await import('./providers/google/provider.ts');
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@google-cloud'));
      const before = loaded();
      await import('./providers/google/account.ts');
      console.log(JSON.stringify([google.type, before, loaded()]));`;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(JSON.parse(stdout)).toEqual(['google', false, false]);
    expect(google.capabilities.preconditions).toBe('atomic');
  });
});
