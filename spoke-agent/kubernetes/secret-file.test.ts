import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backendAt, partOf } from '../../gateway/testing/gateway-fixture.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import {
  clusterNames,
  newDigestKey,
  readClusterSecrets,
  withClusterSecrets,
  writeClusterSecrets,
} from './secret-file.ts';

const PART = partOf(8443, {
  backends: {
    cart: {
      ...backendAt(80),
      tls: {
        serverName: 'cart',
        subjectAltNames: [],
        bundles: ['kubernetes/shop/ca/ca.crt', 'default/hub/ca.crt'],
        clientCertificate: 'kubernetes/infra/cert',
      },
    },
  },
});
const NAMES = clusterNames(PART.ports, PART.backends);
const VALUES = { 'tls.crt': 'chain', 'tls.key': 'key' };

describe('values of the cluster in the configuration of the hub', () => {
  it('stand where it names them, and nothing else of them does', () => {
    const secrets = {
      'infra/cert': VALUES,
      'infra/other': VALUES,
      'shop/ca': { 'ca.crt': 'authority', 'tls.key': 'no' },
    };
    const own = { ...NO_GATEWAY_SECRETS, bundles: { 'default/hub/ca.crt': 'of the hub' } };
    const filled = withClusterSecrets(NAMES, own, { secrets });
    expect(filled.certificates).toEqual({
      'kubernetes/infra/cert': { certificatePem: 'chain', keyPem: 'key' },
    });
    expect(filled.bundles).toEqual({
      'default/hub/ca.crt': 'of the hub',
      'kubernetes/shop/ca/ca.crt': 'authority',
    });
    expect(clusterNames([], partOf(80, {}).backends)).toEqual([]);
  });

  it('stay away when there are none', () => {
    expect(withClusterSecrets(NAMES, NO_GATEWAY_SECRETS, undefined)).toEqual(NO_GATEWAY_SECRETS);
  });
});

describe('the file of the Secrets', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-secrets-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('I33 is read by nobody else, and holds what was written', async () => {
    const file = { digestKey: newDigestKey(), secrets: { 'infra/cert': VALUES } };
    await writeClusterSecrets(folder, file);
    expect(await readClusterSecrets(folder)).toMatchObject(file);
    expect((await stat(join(folder, 'kubernetes-secrets.json'))).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{}', '{"format":1,"digestKey":"0123456789abcdef","secrets":{"a/b":7}}', '{"format":2}'])(
    'counts as none when it is damaged: %s',
    async (text) => {
      await writeFile(join(folder, 'kubernetes-secrets.json'), text);
      expect(await readClusterSecrets(folder)).toBeUndefined();
    },
  );
});
