import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../../src/client/client.ts';
import type { IssuerStatus } from '../../src/resources/issuer.ts';
import { runCli } from '../support/cli.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { containing } from '../support/matchers.ts';
import { type Pebble, requirePebble, startPebble } from '../support/pebble.ts';
import { until } from '../support/until.ts';

const SUITE = 'Issuers of a hub';
const available = await requirePebble(SUITE);
const WAIT_MS = 30_000;
const KEY_ID = 'customer-1';
const hmacKey = randomBytes(48).toString('base64url');
const wrongKey = randomBytes(48).toString('base64url');

describe.skipIf(!available.available)(SUITE, () => {
  let folder: string;
  let home: string;
  let ca: Pebble;
  let hub: HubProcess;
  let client: Client;

  async function open(env: Readonly<Record<string, string>> = {}): Promise<void> {
    hub = await startHub(home, env);
    const token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    client = createClient({ server: hub.api, token });
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-issuers-'));
    home = join(folder, 'home');
    expect((await runCli(['init', '--dir', home], { folder })).code).toBe(0);
    ca = await startPebble({ externalAccounts: { [KEY_ID]: hmacKey }, nonceReject: 30 });
    await open();
  });
  afterAll(async () => {
    await hub.stop();
    await ca.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function apply(...documents: readonly object[]): Promise<void> {
    await client.apply({
      documents: documents.map((document) => ({ apiVersion: 'portolan.dev/v1alpha1', ...document })),
    });
  }
  const secret = (name: string, stringData: Readonly<Record<string, string>>): object => ({
    kind: 'Secret',
    metadata: { name },
    spec: { stringData },
  });
  const issuer = (name: string, more: object = {}): object => ({
    kind: 'Issuer',
    metadata: { name },
    spec: {
      acme: {
        directory: ca.directory,
        termsOfServiceAgreed: true,
        email: 'ops@example.com',
        caSecret: { name: 'roots', key: 'ca.crt' },
        externalAccountBinding: { keyId: KEY_ID, secret: { name: 'binding', key: 'hmac' } },
        ...more,
      },
    },
  });

  /** Its status once `Ready` has this reason. */
  async function untilReason(
    name: string,
    reason: string,
  ): Promise<IssuerStatus & { readonly message: string }> {
    let last: unknown;
    const { value } = await until(
      `${name} is ${reason}`,
      async () => {
        const status = (await client.get('Issuer', { namespace: 'default', name }))?.status;
        const ready = status?.conditions.find(({ type }) => type === 'Ready');
        last = ready;
        return status !== undefined && ready?.reason === reason && { ...status, message: ready.message };
      },
      WAIT_MS,
      100,
    ).catch((cause: unknown) => {
      throw new Error(`it is ${JSON.stringify(last)}; ${hub.said().slice(-2_000)}`, { cause });
    });
    return value;
  }

  it('I33 say what the CA says of them, have an account as soon as it can be had, and keep it; no secret is in a log or a file', async () => {
    await apply(
      secret('roots', { 'ca.crt': ca.serverCa }),
      secret('binding', { hmac: wrongKey }),
      issuer('main'),
    );
    expect((await untilReason('main', 'Refused')).message).toContain('spec.acme.externalAccountBinding');
    await apply(secret('binding', { hmac: hmacKey }));
    const { account, profiles } = await untilReason('main', 'Registered');
    expect(account).toContain(`127.0.0.1:${ca.port}/my-account/`);
    expect(Object.keys(profiles ?? {}).sort()).toEqual(['default', 'shortlived']);
    await hub.stop();
    const firstLog = hub.said();
    await open({ PORTOLAN_LOG_LEVEL: 'debug' });
    expect(await untilReason('main', 'Registered')).toMatchObject({ account });
    expect(ca.said().match(/There are now (\d+) accounts in memory/g)).toEqual([
      'There are now 1 accounts in memory',
    ]);
    const files = await readdir(join(home, 'data'), { recursive: true, withFileTypes: true });
    const kept = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    expect(kept.join('')).toContain('/my-account/');
    for (const canary of [hmacKey, wrongKey, 'BEGIN PRIVATE KEY'])
      for (const text of [firstLog, hub.said(), ca.said(), ...kept])
        expect(text.includes(canary)).toBe(false);
  });

  it('are ready at once when they are the hub itself, and not at all at an address that may not be contacted', async () => {
    await apply({ kind: 'Issuer', metadata: { name: 'dev' }, spec: { internal: {} } });
    expect((await untilReason('dev', 'Internal')).message).toContain('portolan gateway ca');
    await expect(
      apply(issuer('metadata', { directory: 'https://169.254.169.254/directory' })),
    ).rejects.toMatchObject({ violations: [{ path: containing('spec.acme.directory') }] });
    await apply(issuer('gone', { directory: 'https://127.0.0.1:1/dir' }));
    expect((await untilReason('gone', 'Unavailable')).message).toContain('127.0.0.1:1 does not answer');
    await apply(issuer('odd', { profile: 'eternal' }));
    expect((await untilReason('odd', 'ProfileUnknown')).message).toContain('default, shortlived');
  });
});
