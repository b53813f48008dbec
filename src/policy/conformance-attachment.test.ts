import { describe, expect, it } from 'vitest';
import { backendOf, compiled, gatewayOf, type Stored, stored } from './testing/gateway-objects.ts';

/* Statuses that the conformance suite of the Gateway API demands, by the names of its tests. */
const secret = (name: string, namespace = 'shop') => stored('Secret', name, {}, { namespace });
const https = (name: string, certificate: object, more: object = {}) => ({
  name,
  port: 443,
  protocol: 'HTTPS',
  tls: { certificateRefs: [certificate] },
  ...more,
});
const route = (spec: object, metadata = {}, name = 'r') =>
  stored('HTTPRoute', name, { parentRefs: [{ name: 'web', namespace: 'shop' }], ...spec }, metadata);
const grant = (to: object, from: object = { kind: 'Gateway', namespace: 'shop' }) =>
  stored(
    'ReferenceGrant',
    'g',
    { from: [{ group: 'gateway.networking.k8s.io', ...from }], to: [{ group: '', ...to }] },
    { namespace: 'other' },
  );

function acceptedOf(...objects: readonly Stored[]): readonly string[] {
  return compiled(...objects).reports.routes.flatMap(({ parents }) =>
    parents.map(({ findings }) => findings.find(({ type }) => type === 'Accepted')?.reason ?? ''),
  );
}
function listenerOf(name: string, ...objects: readonly Stored[]) {
  const { part, reports } = compiled(...objects);
  const report = reports.gateways[0]?.listeners.find((own) => own.name === name);
  const reason = (type: string) => {
    const found = report?.findings.find((own) => own.type === type);
    return found === undefined ? undefined : `${found.status ? 'True' : 'False'} ${found.reason}`;
  };
  return { part, report, gateway: reports.gateways[0], reason };
}

describe('attachment as the conformance suite of the Gateway API has it', () => {
  it.each([
    ['HTTPRouteSimpleSameNamespace', { rules: [{}] }, {}, 'Accepted'],
    [
      'HTTPRouteInvalidCrossNamespaceParentRef',
      { rules: [{}] },
      { namespace: 'other' },
      'NotAllowedByListeners',
    ],
    [
      'HTTPRouteInvalidParentRefNotMatchingSectionName',
      { parentRefs: [{ name: 'web', sectionName: 'x' }] },
      {},
      'NoMatchingParent',
    ],
    [
      'HTTPRouteInvalidParentRefNotMatchingListenerPort',
      { parentRefs: [{ name: 'web', port: 81 }] },
      {},
      'NoMatchingParent',
    ],
    ['a Gateway that does not exist', { parentRefs: [{ name: 'gone' }] }, {}, 'NoMatchingParent'],
    ['HTTPRouteHostnameIntersection (none)', { hostnames: ['other.org'] }, {}, 'NoMatchingListenerHostname'],
  ])('%s', (_, spec, metadata, reason) => {
    const gateway = gatewayOf([{ name: 'http', port: 80, protocol: 'HTTP', hostname: '*.example.com' }]);
    expect(acceptedOf(gateway, route(spec, metadata))).toEqual([reason]);
  });

  it('HTTPRouteCrossNamespace: listeners let other namespaces in, all or by their name', () => {
    const from = (namespaces: object) =>
      gatewayOf([{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces } }]);
    const foreign = route({}, { namespace: 'team' });
    const label = 'kubernetes.io/metadata.name';
    expect(acceptedOf(from({ from: 'All' }), foreign)).toEqual(['Accepted']);
    expect(
      acceptedOf(from({ from: 'Selector', selector: { matchLabels: { [label]: 'team' } } }), foreign),
    ).toEqual(['Accepted']);
    expect(
      acceptedOf(
        from({
          from: 'Selector',
          selector: { matchExpressions: [{ key: label, operator: 'NotIn', values: ['team'] }] },
        }),
        foreign,
      ),
    ).toEqual(['NotAllowedByListeners']);
    expect(acceptedOf(from({ from: 'Same' }), foreign)).toEqual(['NotAllowedByListeners']);
  });

  it('HTTPRouteDisallowedKind: a listener for one kind refuses the other', () => {
    const only = gatewayOf([
      { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { kinds: [{ kind: 'GRPCRoute' }] } },
    ]);
    expect(acceptedOf(only, route({}))).toEqual(['NotAllowedByListeners']);
  });

  it('GatewayInvalidRouteKind: unknown kinds are told, known ones served', () => {
    const kinds = (...names: string[]) =>
      gatewayOf([
        {
          name: 'http',
          port: 80,
          protocol: 'HTTP',
          allowedRoutes: { kinds: names.map((kind) => ({ kind })) },
        },
      ]);
    const mixed = listenerOf('http', kinds('HTTPRoute', 'Nonsense'));
    expect(mixed.reason('ResolvedRefs')).toBe('False InvalidRouteKinds');
    expect(mixed.report?.supportedKinds.map(({ kind }) => kind)).toEqual(['HTTPRoute']);
    expect(listenerOf('http', kinds('Nonsense')).report?.supportedKinds).toEqual([]);
  });

  it('GatewayWithAttachedRoutes: listeners count their routes, with broken references as well', () => {
    const { report } = listenerOf(
      'http',
      gatewayOf(),
      route({}, {}, 'a'),
      route({ rules: [{ backendRefs: [{ name: 'gone', port: 1 }] }] }, {}, 'b'),
    );
    expect(report?.attachedRoutes).toBe(2);
  });

  it('listeners that cannot be told apart are all refused, and the rest of the Gateway is served', () => {
    const gateway = gatewayOf([
      { name: 'a', port: 80, protocol: 'HTTP' },
      { name: 'b', port: 80, protocol: 'HTTP' },
      { name: 'c', port: 81, protocol: 'HTTP' },
      { name: 'd', port: 82, protocol: 'TCP' },
    ]);
    const { part, reason, gateway: report } = listenerOf('a', gateway);
    expect(reason('Conflicted')).toBe('True HostnameConflict');
    expect(part.ports.map(({ port }) => port)).toEqual([81]);
    expect(report?.findings[0]).toMatchObject({
      type: 'Accepted',
      status: true,
      reason: 'ListenersNotValid',
    });
    expect(listenerOf('d', gateway).reason('Accepted')).toBe('False UnsupportedProtocol');
  });

  it('the older of two Gateways keeps a port and hostname, and the protocol of a port', () => {
    const old = gatewayOf([{ name: 'http', port: 80, protocol: 'HTTP', hostname: 'a.com' }], 'old', {
      created: '2025-01-01T00:00:00.000Z',
    });
    const young = gatewayOf(
      [
        { name: 'same', port: 80, protocol: 'HTTP', hostname: 'a.com' },
        { name: 'other', port: 80, protocol: 'HTTP', hostname: 'b.com' },
      ],
      'a-young',
    );
    const { part } = compiled(old, young);
    expect(part.ports[0]?.listeners.map(({ id }) => id)).toEqual(['shop/old/http', 'shop/a-young/other']);
    const tls = gatewayOf(
      [
        {
          name: 's',
          port: 80,
          protocol: 'HTTPS',
          hostname: 'c.com',
          tls: { certificateRefs: [{ name: 'c' }] },
        },
      ],
      'tls',
    );
    expect(
      compiled(old, tls, secret('c')).reports.gateways.find(({ name }) => name === 'tls')?.findings[0]
        ?.status,
    ).toBe(false);
  });

  it.each([
    ['GatewayInvalidTLSConfiguration: no Secret', { name: 'gone' }, [], 'False InvalidCertificateRef', false],
    [
      'GatewayInvalidTLSConfiguration: another kind',
      { kind: 'Nonsense', name: 'cert' },
      [secret('cert')],
      'False InvalidCertificateRef',
      false,
    ],
    [
      'GatewaySecretMissingReferenceGrant',
      { name: 'cert', namespace: 'other' },
      [secret('cert', 'other')],
      'False RefNotPermitted',
      false,
    ],
    [
      'GatewaySecretInvalidReferenceGrant',
      { name: 'cert', namespace: 'other' },
      [secret('cert', 'other'), grant({ kind: 'Secret', name: 'x' })],
      'False RefNotPermitted',
      false,
    ],
    [
      'GatewaySecretReferenceGrantAllInNamespace',
      { name: 'cert', namespace: 'other' },
      [secret('cert', 'other'), grant({ kind: 'Secret' })],
      'True ResolvedRefs',
      true,
    ],
    [
      'GatewaySecretReferenceGrantSpecific',
      { name: 'cert', namespace: 'other' },
      [secret('cert', 'other'), grant({ kind: 'Secret', name: 'cert' })],
      'True ResolvedRefs',
      true,
    ],
  ] as const)('%s', (_, certificate, objects, reason, served) => {
    const found = listenerOf('tls', gatewayOf([https('tls', certificate)]), ...objects);
    expect(found.reason('ResolvedRefs')).toBe(reason);
    expect(found.report?.served).toBe(served);
    expect(found.part.ports).toHaveLength(served ? 1 : 0);
  });

  it('a listener keeps the certificates that can be used, and may ask for one of the development CA', () => {
    const gateway = gatewayOf([
      {
        name: 'tls',
        port: 443,
        protocol: 'HTTPS',
        hostname: '*.example.com',
        tls: {
          certificateRefs: [{ name: 'gone' }, { name: 'cert' }],
          options: { 'portolan.dev/certificate': 'internal' },
        },
      },
    ]);
    const { part, secretRefs } = compiled(gateway, secret('cert'));
    expect(part.ports[0]?.listeners[0]?.tls?.certificates).toEqual(['shop/cert', 'internal/*.example.com']);
    expect(secretRefs).toMatchObject({
      certificates: ['shop/cert'],
      internal: { 'internal/*.example.com': ['*.example.com'] },
    });
  });

  it('GatewayFrontendClientCertificateValidation: per port, and nothing is opened without its authority', () => {
    const gateway = (ca: string) =>
      stored('Gateway', 'web', {
        gatewayClassName: 'portolan',
        listeners: [https('a', { name: 'cert' }), { ...https('b', { name: 'cert' }), port: 8443 }],
        tls: {
          frontend: {
            default: { validation: { caCertificateRefs: [{ name: ca }] } },
            perPort: [
              {
                port: 8443,
                tls: { validation: { caCertificateRefs: [{ name: 'ca2' }], mode: 'AllowInsecureFallback' } },
              },
            ],
          },
        },
      });
    const { part } = compiled(gateway('ca'), secret('cert'), secret('ca'), secret('ca2'));
    expect(part.ports.map(({ listeners }) => listeners[0]?.tls?.clientCa)).toEqual([
      { bundles: ['shop/ca/ca.crt'], mode: 'require' },
      { bundles: ['shop/ca2/ca.crt'], mode: 'request' },
    ]);
    const broken = listenerOf('a', gateway('gone'), secret('cert'), secret('ca2'));
    expect(broken.reason('ResolvedRefs')).toBe('False InvalidCACertificateRef');
    expect(broken.part.ports.map(({ port }) => port)).toEqual([8443]);
  });

  it('BackendTLSPolicy: by port before the whole Service, the older first, never plain text instead', () => {
    const policy = (name: string, hostname: string, more: object = {}, metadata = {}) =>
      stored(
        'BackendTLSPolicy',
        name,
        {
          targetRefs: [{ group: '', kind: 'Service', name: 'b', ...more }],
          validation: { hostname, caCertificateRefs: [{ group: '', kind: 'Secret', name: 'ca' }] },
        },
        metadata,
      );
    const own = route({ rules: [{ backendRefs: [{ name: 'b', port: 8080 }] }] });
    const tlsOf = (...more: readonly Stored[]) => {
      const { part, reports } = compiled(gatewayOf(), backendOf('b'), own, ...more);
      return { tls: part.backends['shop/b:8080']?.tls, rule: part.rules['HTTPRoute/shop/r/0'], reports };
    };
    expect(tlsOf().tls).toBeUndefined();
    const young = policy('a-young', 'young.example.com');
    const old = policy('old', 'old.example.com', {}, { created: '2025-01-01T00:00:00.000Z' });
    const both = tlsOf(young, old, secret('ca'));
    expect(both.tls).toMatchObject({ serverName: 'old.example.com', bundles: ['shop/ca/ca.crt'] });
    expect(both.reports.policies.map(({ name, findings }) => [name, findings[0]?.reason])).toEqual([
      ['a-young', 'Conflicted'],
      ['old', 'Accepted'],
    ]);
    expect(
      tlsOf(old, policy('port', 'port.example.com', { sectionName: '8080' }), secret('ca')).tls?.serverName,
    ).toBe('port.example.com');
    expect(tlsOf(old).rule?.backends).toEqual([{ weight: 1, filters: [] }]);
    const refs = (kind: string) => {
      const validation = {
        hostname: 'b.example.com',
        caCertificateRefs: [{ group: '', kind, name: 'gone' }],
      };
      const target = { group: '', kind: 'Service', name: 'b' };
      const one = tlsOf(stored('BackendTLSPolicy', 't', { targetRefs: [target], validation }));
      return one.reports.policies[0]?.findings.find(({ type }) => type === 'ResolvedRefs')?.reason;
    };
    expect(refs('Secret')).toBe('InvalidCACertificateRef');
    expect(refs('ConfigMap')).toBe('InvalidKind');
  });

  it('GatewayBackendClientCertificate: shown to backends with TLS only', () => {
    const gateway = stored('Gateway', 'web', {
      gatewayClassName: 'portolan',
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
      tls: { backend: { clientCertificateRef: { name: 'own' } } },
    });
    const tls = stored('BackendTLSPolicy', 't', {
      targetRefs: [{ group: '', kind: 'Service', name: 'b' }],
      validation: { hostname: 'b.example.com', wellKnownCACertificates: 'System' },
    });
    const own = route({
      rules: [
        {
          backendRefs: [
            { name: 'b', port: 80 },
            { name: 'plain', port: 80 },
          ],
        },
      ],
    });
    const { part, secretRefs } = compiled(
      gateway,
      backendOf('b'),
      backendOf('plain'),
      tls,
      secret('own'),
      own,
    );
    expect(part.rules['HTTPRoute/shop/r/0']?.backends.map(({ backend }) => backend)).toEqual([
      'shop/b:80+shop/own',
      'shop/plain:80',
    ]);
    expect(part.backends['shop/b:80+shop/own']?.tls).toEqual({
      serverName: 'b.example.com',
      subjectAltNames: [],
      bundles: [],
      clientCertificate: 'shop/own',
    });
    expect(secretRefs.certificates).toEqual(['shop/own']);
  });

  it('an HTTPRoute and a GRPCRoute do not share a host: the older keeps it', () => {
    const grpc = (hostname: string) =>
      stored(
        'GRPCRoute',
        'g',
        { parentRefs: [{ name: 'web' }], hostnames: [hostname] },
        { created: '2026-02-01T00:00:00.000Z' },
      );
    const old = route({ hostnames: ['*.example.com'] });
    const accepted = (other: Stored) =>
      Object.fromEntries(
        compiled(gatewayOf(), old, other).reports.routes.map(({ kind, parents }) => [
          kind,
          parents[0]?.findings[0]?.status,
        ]),
      );
    expect(accepted(grpc('a.example.com'))).toEqual({ HTTPRoute: true, GRPCRoute: false });
    expect(accepted(grpc('a.example.org'))).toEqual({ HTTPRoute: true, GRPCRoute: true });
  });
});
