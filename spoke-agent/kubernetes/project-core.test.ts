import { beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../kube/contract.ts';
import { readFacts, readObject } from '../../src/inventory/read-object.ts';
import { strangeKey, type TestCertificate, testAuthority } from '../../test/support/certificates.ts';
import { type FactsWorld, factsOf } from './facts.ts';
import {
  type KeptService,
  projectIngress,
  projectNode,
  projectSecret,
  projectService,
  quantity,
} from './project-core.ts';

const object = (kind: string, rest: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'a', namespace: 'shop', uid: 'u', ...metadata },
  ...rest,
});
const specOf = (content: string | undefined): unknown =>
  (JSON.parse(content ?? '{}') as { spec: unknown }).spec;

describe('what is kept of Services', () => {
  it.each<[string, object, object]>([
    [
      'named ports with what they speak',
      { ports: [{ port: 80, name: 'http', appProtocol: 'kubernetes.io/h2c', targetPort: 8080 }] },
      { type: 'ClusterIP', ports: [{ port: 80, name: 'http', appProtocol: 'kubernetes.io/h2c' }] },
    ],
    [
      'no ports that are not TCP',
      {
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
      { type: 'ClusterIP', ports: [{ port: 53 }] },
    ],
    [
      'headless ones',
      { clusterIP: 'None', ports: [{ port: 1 }] },
      { type: 'Headless', ports: [{ port: 1 }] },
    ],
    [
      'names elsewhere',
      { type: 'ExternalName', externalName: 'api.example.com' },
      { type: 'ExternalName', ports: [], externalName: 'api.example.com' },
    ],
  ])('%s', (_, spec, content) => {
    expect(specOf(projectService(object('Service', { spec }), undefined)?.content)).toEqual(content);
  });

  it('addresses of load balancers, and the Gateway that it stands before', () => {
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { hostname: 'LB.example.com' }] } };
    const labels = { 'gateway.networking.k8s.io/gateway-name': 'web' };
    expect(
      projectService(object('Service', { spec: { type: 'LoadBalancer' }, status }, { labels }), undefined),
    ).toMatchObject({
      addresses: [
        { type: 'IPAddress', value: '192.0.2.1' },
        { type: 'Hostname', value: 'lb.example.com' },
      ],
      gateway: 'shop/web',
    });
    expect(projectService(object('Service', { spec: {}, status }), undefined)?.addresses).toEqual([]);
  });
});

describe('what would be more than the hub reads', () => {
  const made = { creationTimestamp: '2026-11-22T10:00:00Z' };
  const readable = (kind: 'Service' | 'Secret', content = '') =>
    readObject({ kind, namespace: 'shop', name: 'a', content }, () => undefined);

  it('of one Service with thousands of ports, or one Secret with thousands of keys, ends no stream', () => {
    const ports = Array.from({ length: 1_100 }, (_, i) => ({ port: i + 1, name: `p${i}` }));
    const service = projectService(object('Service', { spec: { ports } }, made), undefined);
    expect(readable('Service', service?.content)).toMatchObject({ type: 'service' });
    const values = Array.from({ length: 1_100 }, (_, i) => [`a${i}`, ''] as const);
    const data = { ...Object.fromEntries(values), 'tls.crt': '', 'tls.key': '' };
    const secret = projectSecret(Buffer.alloc(32), object('Secret', { data }, made), undefined);
    expect(readable('Secret', secret?.content)).toMatchObject({ type: 'secret' });
    expect(secret?.content).toContain('"tls.key"');
  });
});

describe('what is kept of Secrets', () => {
  const KEY = Buffer.alloc(32, 1);
  let pair: TestCertificate;
  beforeAll(async () => {
    pair = await (await testAuthority()).issue({ dns: ['a.example.com'] });
  });
  const secret = (data: Readonly<Record<string, string>>) =>
    object('Secret', {
      type: 'kubernetes.io/tls',
      data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
    });

  it('I33 what is told of it has its keys and a keyed digest, and no value', () => {
    const kept = projectSecret(
      KEY,
      secret({ 'tls.crt': pair.certificatePem, 'tls.key': pair.keyPem, other: 'canary' }),
      undefined,
    );
    expect(kept).toMatchObject({ servable: true, values: { 'tls.crt': pair.certificatePem } });
    expect(specOf(kept?.content)).toMatchObject({ keys: ['other', 'tls.crt', 'tls.key'] });
    expect(kept?.content).not.toMatch(/BEGIN|canary/);
    const elsewhere = projectSecret(
      Buffer.alloc(32, 2),
      secret({ 'tls.crt': pair.certificatePem, 'tls.key': pair.keyPem, other: 'canary' }),
      undefined,
    );
    expect(elsewhere?.content).not.toBe(kept?.content);
  });

  it('a pair that does not fit is a problem, in words that hold nothing of it', () => {
    const kept = projectSecret(
      KEY,
      secret({ 'tls.crt': pair.certificatePem, 'tls.key': strangeKey() }),
      undefined,
    );
    expect(kept?.servable).toBe(false);
    expect(specOf(kept?.content)).toMatchObject({
      problem: 'tls.crt and tls.key are no certificate with its key, in PEM',
    });
    const lacking = projectSecret(KEY, secret({ 'tls.crt': pair.certificatePem }), undefined);
    expect(specOf(lacking?.content)).toMatchObject({ problem: 'tls.key is missing' });
  });

  it('authorities need no key', () => {
    const kept = projectSecret(KEY, secret({ 'ca.crt': pair.certificatePem }), undefined);
    expect(kept).toMatchObject({ servable: true, values: { 'ca.crt': pair.certificatePem } });
  });
});

describe('facts of a cluster', () => {
  const node = (zone: string, ready: boolean) =>
    projectNode(
      object(
        'Node',
        {
          status: {
            conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }],
            allocatable: { cpu: '1930m', memory: '4Gi' },
            addresses: [{ type: 'ExternalIP', address: `192.0.2.${zone.length}` }],
          },
        },
        { labels: { 'topology.kubernetes.io/zone': zone } },
      ),
      undefined,
    );
  const service = (address: string, gateway?: string): KeptService => ({
    content: '{}',
    addresses: [{ type: 'IPAddress', value: address }],
    ports: [],
    ...(gateway === undefined ? {} : { gateway }),
  });
  const WORLD: FactsWorld = {
    version: 'v1.36.0',
    gatewayService: 'infra/edge',
    nodeAddresses: true,
    services: new Map([
      ['infra/edge', service('192.0.2.10')],
      ['infra/web', service('192.0.2.20', 'infra/web')],
      ['infra/mail', service('192.0.2.30')],
    ]),
    gateways: new Set(['infra/web']),
    ingresses: new Map([['shop/old', [{ type: 'Hostname', value: 'lb.example.com' }]]]),
    nodes: new Map([
      ['b', node('z', false)],
      ['a', node('zz', true)],
    ]),
    problems: [],
  };
  it('cut what an API server answers with, so that the hub reads it', () => {
    const problems = [{ resource: 'r'.repeat(9_000), message: 'm'.repeat(9_000) }];
    const told = factsOf({ ...WORLD, version: 'v'.repeat(99), problems });
    expect(readFacts(JSON.stringify(told)).problems).toHaveLength(1);
  });
  const addresses = (changes: Partial<FactsWorld>) =>
    factsOf({ ...WORLD, ...changes }).addresses.map(({ value, from }) => `${value} from ${from}`);

  it('take public addresses from the first that has any: the Service that is named, those of Gateways, Ingresses, nodes', () => {
    expect(addresses({})).toEqual(['192.0.2.10 from Service infra/edge']);
    expect(addresses({ gatewayService: undefined })).toEqual(['192.0.2.20 from Service infra/web']);
    const none = { gatewayService: undefined, gateways: new Set<string>() };
    expect(addresses(none)).toEqual(['lb.example.com from Ingress shop/old']);
    expect(addresses({ ...none, ingresses: new Map() })).toEqual(['192.0.2.2 from Node a']);
    expect(addresses({ ...none, ingresses: new Map(), nodeAddresses: false })).toEqual([]);
  });

  it('sum what ready nodes have, and count all by their zones', () => {
    expect(factsOf(WORLD).nodes).toEqual({
      ready: 1,
      all: 2,
      zones: { z: 1, zz: 1 },
      cpuMillis: 1930,
      memoryBytes: 4 * 2 ** 30,
    });
  });

  it.each([
    ['1930m', 1.93],
    ['4', 4],
    ['2Ki', 2048],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2e3', 2000],
    ['', 0],
    ['much', 0],
    ['1Xi', 0],
  ])('read the quantity %s', (text, value) => {
    expect(quantity(text)).toBeCloseTo(value);
  });

  it('an Ingress without an address is not kept', () => {
    expect(projectIngress(object('Ingress', { status: { loadBalancer: {} } }), undefined)).toBeUndefined();
  });
});
