import { beforeEach, describe, expect, it } from 'vitest';
import { compileInSteps } from '../../src/policy/compile.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { regionTable } from '../../src/routing/geography.ts';
import { createGateways, type Gateways } from '../gateways/gateways.ts';
import { createSecretValues } from '../gateways/secret-values.ts';
import { gatewayStatuses } from '../gateways/statuses.ts';
import { objectsOf } from '../reconcile/objects.ts';
import { CONTEXT, document, stored } from '../reconcile/testing.ts';
import { buildWorld } from '../reconcile/world.ts';
import type { CertificateSource, WantedKey } from './contract.ts';
import { createCertificateDelivery } from './delivery.ts';

const GATEWAY = document('Gateway', 'edge', {
  gatewayClassName: 'portolan',
  listeners: [
    {
      name: 'tls',
      port: 443,
      protocol: 'HTTPS',
      hostname: 'shop.example.com',
      tls: { certificateRefs: [{ group: 'portolan.dev', kind: 'CertificatePolicy', name: 'web' }] },
    },
  ],
});
const policyOf = (name: string, more: object = {}) =>
  document('CertificatePolicy', name, { issuers: ['acme'], dnsNames: [`${name}.example.com`], ...more });
const cluster = document('Cluster', 'fra', { location: { country: 'DE' }, addresses: ['198.51.100.1'] });

let ids: Record<string, readonly string[]>;
let stamps: Record<string, string>;
let version: number;
let reads: string[];
let compiles: number;
let keys: readonly WantedKey[];
const namespace = 'default';
let gateways: Gateways;

beforeEach(() => {
  [ids, stamps, version, reads, compiles, keys] = [{}, {}, 0, [], 0, []];
  const source: CertificateSource = {
    idsOf: (policy) => ids[policy] ?? [],
    get version() {
      return version;
    },
    stampOf: (id) => stamps[id],
    pair: async (id) => {
      reads.push(id);
      return { certificatePem: `chain of ${id} ${stamps[id]}`, keyPem: 'key' };
    },
  };
  const delivery = createCertificateDelivery({
    source: () => source,
    agentKeys: { version: 0, wantedOf: () => keys },
  });
  gateways = createGateways({
    compile: (...input) => {
      compiles += 1;
      return compileInSteps(...input);
    },
    secretValues: createSecretValues({
      store: { secretData: async () => ({}) },
      developmentCa: {
        certificatePem: async () => '',
        certificate: async () => ({ certificatePem: '', keyPem: '' }),
        issueFromRequest: async () => '',
        due: () => false,
      },
      delivery,
    }),
    regions: regionTable(),
    certificatesDue: () => false,
    delivery,
    log: { warn: (_details, message) => expect.unreachable(message) },
  });
});

const worldOf = (...inputs: Parameters<typeof stored>[0][]) =>
  buildWorld(objectsOf(inputs.map((input) => stored(input))), CONTEXT);
const secrets = () => [...gateways.all.values()][0]?.secrets;

describe('certificates of policies', () => {
  it('I33 reach the clusters whose listeners name the policy, and no others of the hub do', async () => {
    const world = worldOf(GATEWAY, policyOf('web'), policyOf('other'), cluster);
    ids = { [`${namespace}/web`]: ['cert-1', 'cert-2'], [`${namespace}/other`]: ['cert-3'] };
    await gateways.follow(world);
    expect(secrets()?.sets).toEqual({ [`certificatepolicy/${namespace}/web`]: ['cert-1', 'cert-2'] });
    expect(Object.keys(secrets()?.certificates ?? {})).toEqual(['cert-1', 'cert-2']);
    expect(reads).toEqual(['cert-1', 'cert-2']);
  });

  it('that are new reach them without anything being compiled, and only they are read', async () => {
    const world = worldOf(GATEWAY, policyOf('web'), cluster);
    ids = { [`${namespace}/web`]: ['cert-1', 'cert-2'] };
    stamps = { 'cert-1': 'a', 'cert-2': 'a' };
    await gateways.follow(world);
    const digest = [...gateways.all.values()][0]?.digest;
    await gateways.follow(world);
    expect([compiles, reads.length, gateways.due()]).toEqual([1, 2, false]);
    stamps = { ...stamps, 'cert-2': 'b' };
    version += 1;
    expect(gateways.due()).toBe(true);
    await gateways.follow(world);
    expect([compiles, reads.slice(2), gateways.due()]).toEqual([1, ['cert-2'], false]);
    expect(secrets()?.certificates['cert-2']?.certificatePem).toBe('chain of cert-2 b');
    expect([...gateways.all.values()][0]?.digest).not.toBe(digest);
  });

  it('that are not there yet are waited for: the listener says so, and its references are in order', async () => {
    const world = worldOf(GATEWAY, policyOf('web'), cluster);
    await gateways.follow(world);
    expect(secrets()?.sets).toEqual({ [`certificatepolicy/${namespace}/web`]: [] });
    const [[, status] = []] = gatewayStatuses({
      world,
      gateways: gateways.all,
      agentOf: () => undefined,
      wallMs: Date.now(),
    });
    const text = JSON.stringify(status);
    expect(text).toContain(`waiting for the first certificate of CertificatePolicy ${namespace}/web`);
    expect(text).not.toContain('InvalidCertificateRef');
  });

  it('reach a cluster that its labels select although it has no Gateway, and keys are asked of agents', async () => {
    const plain = stored(cluster);
    const labelled = {
      ...plain,
      metadata: { ...plain.metadata, labels: { web: 'yes' } },
    } as AnyResource;
    const policies = [
      policyOf('web', { clusters: { web: 'yes' } }),
      policyOf('other', { clusters: { web: 'no' } }),
    ];
    const world = buildWorld(objectsOf([...policies.map((one) => stored(one)), labelled]), CONTEXT);
    ids = { [`${namespace}/web`]: ['cert-1'], [`${namespace}/other`]: ['cert-3'] };
    keys = [{ id: 'cert-1-a', algorithm: 'ECDSA-P256', names: ['web.example.com'] }];
    await gateways.follow(world);
    expect(secrets()?.sets).toEqual({ [`certificatepolicy/${namespace}/web`]: ['cert-1'] });
    expect(secrets()?.agentKeys).toEqual({
      'cert-1-a': { algorithm: 'ECDSA-P256', names: ['web.example.com'] },
    });
    expect([...gateways.all.values()][0]?.part.ports).toEqual([]);
  });
});
