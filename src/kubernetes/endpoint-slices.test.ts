import { describe, expect, test } from 'vitest';
import { endpointsOfPort, projectSlice, type Slice, type Vantage } from './endpoint-slices.ts';

const VANTAGE: Vantage = { zone: undefined, ipv4: true, ipv6: true, refusal: () => undefined };

function object(endpoints: unknown, changes: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
    ...changes,
  };
}

function slice(endpoints: unknown, changes: Readonly<Record<string, unknown>> = {}): Slice {
  const found = projectSlice(object(endpoints, changes), undefined);
  if (found === undefined) throw new Error('nothing was kept of the slice');
  return found;
}

const at = (slices: readonly Slice[], vantage: Partial<Vantage> = {}, port = 'http'): readonly string[] =>
  endpointsOfPort(new Set([port]), slices, { ...VANTAGE, ...vantage }).endpoints;

const pod = (address: string, conditions?: object, more: object = {}) => ({
  addresses: [address],
  ...(conditions === undefined ? {} : { conditions }),
  ...more,
});

describe('which endpoints take requests', () => {
  const TERMINATING = { ready: false, serving: true, terminating: true };
  test.each([
    ['what says nothing of itself is ready', [pod('10.0.0.1')], ['10.0.0.1:8080']],
    ['nil conditions are ready', [pod('10.0.0.1', { ready: null, serving: null })], ['10.0.0.1:8080']],
    [
      'what is not ready is left out',
      [pod('10.0.0.1', { ready: false }), pod('10.0.0.2')],
      ['10.0.0.2:8080'],
    ],
    [
      'what terminates is left out while one is ready',
      [pod('10.0.0.1', TERMINATING), pod('10.0.0.2')],
      ['10.0.0.2:8080'],
    ],
    [
      'when none is ready, those that terminate and still serve are taken',
      [pod('10.0.0.1', TERMINATING), pod('10.0.0.2', { ready: false })],
      ['10.0.0.1:8080'],
    ],
    ['what terminates and serves no more is not', [pod('10.0.0.1', { ...TERMINATING, serving: false })], []],
    ['an address in two places is one endpoint', [pod('10.0.0.1'), pod('10.0.0.1')], ['10.0.0.1:8080']],
    ['none are none', null, []],
  ])('%s', (_what, endpoints, expected) => {
    expect(at([slice(endpoints)])).toEqual(expected);
  });

  test('slices of one Service add up, each with the number its pods have for the named port', () => {
    const one = slice([pod('10.0.0.1')]);
    const other = slice([pod('10.0.0.2'), pod('10.0.0.1')], { ports: [{ name: 'http', port: 9090 }] });
    expect(at([one, other])).toEqual(['10.0.0.1:8080', '10.0.0.1:9090', '10.0.0.2:9090']);
  });

  test('a port is found by its name, which may be empty; UDP and ports without a number are none', () => {
    const many = slice([pod('10.0.0.1')], {
      ports: [
        { port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'any', port: null },
        { name: 'grpc', port: 50051 },
      ],
    });
    expect(at([many], {}, '')).toEqual(['10.0.0.1:80']);
    expect(at([many], {}, 'grpc')).toEqual(['10.0.0.1:50051']);
    expect(at([many], {}, 'dns')).toEqual([]);
    expect(at([many], {}, 'any')).toEqual([]);
  });

  test('a pod with two families is taken once, by IPv4; by IPv6 where this machine has no IPv4', () => {
    const targetRef = { kind: 'Pod', namespace: 'shop', name: 'web-abc' };
    const ipv4 = slice([pod('10.0.0.1', undefined, { targetRef })]);
    const ipv6 = slice([pod('fd00::1', undefined, { targetRef }), pod('fd00::2')], { addressType: 'IPv6' });
    expect(at([ipv6, ipv4])).toEqual(['10.0.0.1:8080', 'fd00::2:8080']);
    expect(at([ipv6, ipv4], { ipv4: false })).toEqual(['fd00::1:8080', 'fd00::2:8080']);
    expect(at([ipv6, ipv4], { ipv6: false })).toEqual(['10.0.0.1:8080']);
  });

  test('I32 addresses that backends may not have are left out, and named', () => {
    const refusal = (address: string) => (address === '169.254.169.254' ? 'metadata' : undefined);
    const found = endpointsOfPort(new Set(['http']), [slice([pod('169.254.169.254'), pod('10.0.0.1')])], {
      ...VANTAGE,
      refusal,
    });
    expect(found).toEqual({ endpoints: ['10.0.0.1:8080'], refused: [['169.254.169.254', 'metadata']] });
  });

  describe('hints of zones', () => {
    const hinted = (address: string, ...zones: string[]) =>
      pod(address, undefined, { zone: zones[0], hints: { forZones: zones.map((name) => ({ name })) } });
    const all = slice([hinted('10.0.0.1', 'a'), hinted('10.0.0.2', 'b'), hinted('10.0.0.3', 'b', 'a')]);
    test.each([
      ['hold in a zone that they name', 'a', all, ['10.0.0.1:8080', '10.0.0.3:8080']],
      [
        'do not hold in a zone that none names',
        'c',
        all,
        ['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'],
      ],
      [
        'do not hold when the zone is not known',
        undefined,
        all,
        ['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'],
      ],
      [
        'do not hold when one endpoint has none',
        'a',
        slice([hinted('10.0.0.1', 'a'), pod('10.0.0.9')]),
        ['10.0.0.1:8080', '10.0.0.9:8080'],
      ],
    ])('%s', (_what, zone, of, expected) => {
      expect(at([of], { zone })).toEqual(expected);
    });
  });
});

describe('what is kept of a slice', () => {
  test.each([
    ['without the label of a Service', { metadata: { namespace: 'shop', name: 'x', labels: {} } }],
    ['of names instead of addresses', { addressType: 'FQDN' }],
    ['that is none', { endpoints: 'many' }],
  ])('nothing of one %s', (_what, changes) => {
    expect(projectSlice(object([pod('10.0.0.1')], changes), undefined)).toBeUndefined();
  });

  test('the same value while nothing that matters changed', () => {
    const before = slice([pod('10.0.0.1')]);
    expect(
      projectSlice(
        object([pod('10.0.0.1', { ready: true })], {
          metadata: {
            namespace: 'shop',
            name: 'web-1',
            resourceVersion: '9',
            labels: { 'kubernetes.io/service-name': 'web', other: 'x' },
          },
        }),
        before,
      ),
    ).toBe(before);
    expect(projectSlice(object([pod('10.0.0.1', { ready: false })]), before)).not.toBe(before);
  });

  test('a blank inside a field cannot shift the others', () => {
    expect(slice([pod('10.0.0.1 t'), pod('10.0.0.2')]).endpoints).toBe('10.0.0.2 r - -');
  });
});
