import { createPublicKey } from 'node:crypto';
import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkedRequest } from '../../src/identity/checked-request.ts';
import type { GatewaySecrets } from '../../src/policy/model.ts';
import type { CertificateRequests } from '../../src/protocol/generated/portolan_pb.js';
import { containing } from '../../test/support/matchers.ts';
import { type AgentKeyMaker, createAgentKeyMaker } from './agent-keys.ts';
import { keyFiles, withOwnKeys } from './key-files.ts';

const NAMES = ['fra.shop.example.com', 'shop.example.com'];
let dataDir: string;
let sent: CertificateRequests[];
let said: string[];
let nowMs: number;

const say = (_details: object, message: string): void => void said.push(message);
const log = { debug: say, info: say, warn: say, error: say };
const folder = (): string => join(dataDir, 'certificate-keys');
const secretsFor = (...ids: readonly string[]): Pick<GatewaySecrets, 'agentKeys' | 'certificates'> => ({
  agentKeys: Object.fromEntries(ids.map((id) => [id, { algorithm: 'ECDSA-P256', names: NAMES }])),
  certificates: {},
});
function maker(): AgentKeyMaker {
  const clock = { monotonicMs: () => nowMs, after: () => () => undefined };
  return createAgentKeyMaker({
    files: keyFiles(dataDir),
    onRequests: (all) => void sent.push(all),
    clock,
    log,
  });
}

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portolan-keys-'));
  [sent, said, nowMs] = [[], [], 0];
});

describe('keys that an agent makes', () => {
  it('are on the disk for its user alone before the request for them goes out', async () => {
    const keys = maker();
    keys.want(secretsFor('cert-1-a'));
    await keys.idle();
    const path = join(folder(), 'cert-1-a.pem');
    const keyPem = await readFile(path, 'utf8');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(folder())).mode & 0o777).toBe(0o700);
    expect(sent).toHaveLength(1);
    const csr = sent[0]?.requests[0]?.csrDer ?? new Uint8Array();
    await checkedRequest(csr, { names: NAMES, algorithm: 'ECDSA-P256' });
    const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
    expect(Buffer.from(csr).includes(spki)).toBe(true);
  });

  it('I33 do not leave: no request has anything of the private part', async () => {
    const keys = maker();
    keys.want(secretsFor('cert-1-a'));
    await keys.idle();
    const keyPem = await readFile(join(folder(), 'cert-1-a.pem'), 'utf8');
    const secret = Buffer.from(keyPem.replace(/-----[^-]+-----|\s/g, ''), 'base64').subarray(36, 68);
    const csr = Buffer.from(sent[0]?.requests[0]?.csrDer ?? []);
    expect(csr.length).toBeGreaterThan(100);
    expect(csr.includes(secret)).toBe(false);
    expect(JSON.stringify(said)).not.toContain('PRIVATE');
  });

  it('are made also when none was wanted before', async () => {
    const keys = maker();
    keys.want(secretsFor());
    await keys.idle();
    keys.want(secretsFor('cert-1-a'));
    await keys.idle();
    expect(sent.at(-1)?.requests).toHaveLength(1);
  });

  it('survive a restart, and are asked for once', async () => {
    const first = maker();
    first.want(secretsFor('cert-1-a'));
    await first.idle();
    const before = await readFile(join(folder(), 'cert-1-a.pem'), 'utf8');
    const second = maker();
    second.want(secretsFor('cert-1-a'));
    second.want(secretsFor('cert-1-a'));
    await second.idle();
    expect(await readFile(join(folder(), 'cert-1-a.pem'), 'utf8')).toBe(before);
    expect(sent).toHaveLength(2);
  });

  it('go when nobody wants them, but only an hour after the new configuration is served, and not while a certificate is for them', async () => {
    const keys = maker();
    keys.want(secretsFor('cert-1-a', 'cert-2-a'));
    await keys.idle();
    await writeFile(join(folder(), 'cert-9.pem.1-1.tmp'), 'cut off');
    keys.want({
      agentKeys: { 'cert-1-b': { algorithm: 'ECDSA-P384', names: NAMES } },
      certificates: { 'cert-1': { certificatePem: 'x', keyPem: '', agentKey: 'cert-1-a' } },
    });
    await keys.idle();
    expect(await readdir(folder())).toContain('cert-2-a.pem');
    keys.settled();
    await keys.idle();
    expect(await readdir(folder())).toContain('cert-2-a.pem');
    nowMs += 3_600_000;
    keys.settled();
    await keys.idle();
    expect((await readdir(folder())).toSorted()).toEqual(['cert-1-a.pem', 'cert-1-b.pem']);
  });

  it('that cannot be made are told to the hub with the reason', async () => {
    const keys = maker();
    keys.want({
      agentKeys: {
        'cert-1': { algorithm: 'DSA-512', names: NAMES },
        '../../etc/x': { algorithm: 'ECDSA-P256', names: NAMES },
      },
      certificates: {},
    });
    await keys.idle();
    const told = Object.fromEntries((sent[0]?.requests ?? []).map(({ keyId, error }) => [keyId, error]));
    expect(told).toEqual({ 'cert-1': containing('DSA-512'), '../../etc/x': containing('no name of a key') });
  });

  it('are put beside their certificates on this machine only', async () => {
    const files = keyFiles(dataDir);
    await files.write('cert-1-a', 'the key');
    const secrets = {
      bundles: {},
      values: {},
      certificates: {
        'cert-1': { certificatePem: 'c', keyPem: '', agentKey: 'cert-1-a' },
        'cert-2': { certificatePem: 'c', keyPem: '', agentKey: 'gone' },
        'cert-3': { certificatePem: 'c', keyPem: "the hub's" },
      },
    };
    const { certificates } = await withOwnKeys(secrets, files);
    expect(Object.values(certificates).map(({ keyPem }) => keyPem)).toEqual(['the key', '', "the hub's"]);
  });
});
