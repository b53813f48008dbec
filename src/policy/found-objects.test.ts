import { describe, expect, it } from 'vitest';
import { applyInventory } from '../inventory/apply.ts';
import type { RawObject } from '../inventory/read-object.ts';
import {
  found,
  foundGateway,
  foundNamespace,
  foundRoute,
  foundService,
  message,
} from '../inventory/testing/found-objects.ts';
import { regionTable } from '../routing/geography.ts';
import { compileGateways } from './compile.ts';
import type { CompiledGateways } from './compile-contract.ts';
import { objectsOf, type Stored, stored } from './testing/gateway-objects.ts';

const CLUSTER = stored('Cluster', 'k1', { location: { country: 'DE' } }, { namespace: 'default' });

function compiled(raw: readonly RawObject[], own: readonly Stored[] = []): CompiledGateways {
  const { inventory } = applyInventory(undefined, message(1, raw), {
    namespace: 'default',
    refuses: () => undefined,
  });
  return compileGateways(objectsOf(CLUSTER, ...own), 'default/k1', {
    regions: regionTable(),
    found: inventory,
  });
}

const EDGE = foundGateway('shop', 'edge');
const WEB = foundRoute('shop', 'web', 'edge', 'web');

const resolvedRefs = ({ reports }: CompiledGateways) =>
  reports.routes[0]?.parents[0]?.findings.find(({ type }) => type === 'ResolvedRefs');
const accepted = ({ reports }: CompiledGateways) =>
  reports.routes[0]?.parents[0]?.findings.find(({ type }) => type === 'Accepted');

describe('objects that an agent found', () => {
  it('are compiled for their cluster, in whatever namespace', () => {
    const { part, reports } = compiled([EDGE, WEB, foundService('shop', 'web')]);
    expect(part.ports[0]?.listeners[0]?.id).toBe('shop/edge/web');
    expect(part.backends['service/shop/web:80']).toMatchObject({
      source: { kind: 'Service', name: 'shop/web' },
      service: 'shop/web:80',
      endpoints: [],
      protocol: 'http/1.1',
      connectTimeoutMs: 2000,
    });
    expect(reports.gateways[0]?.listeners[0]?.attachedRoutes).toBe(1);
  });

  it('give way to an object of the hub of the same kind and name', () => {
    const own = stored('HTTPRoute', 'web', {
      parentRefs: [{ name: 'edge' }],
      hostnames: ['own.example.com'],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    });
    const { part } = compiled([EDGE, WEB, foundService('shop', 'web')], [own]);
    expect(part.ports[0]?.listeners[0]?.hosts.map(({ hostname }) => hostname)).toEqual(['own.example.com']);
  });

  it('a route of the hub leads to Services of the cluster that it runs on', () => {
    const own = stored('HTTPRoute', 'api', {
      parentRefs: [{ name: 'edge' }],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    });
    expect(Object.keys(compiled([EDGE, foundService('shop', 'web')], [own]).part.backends)).toEqual([
      'service/shop/web:80',
    ]);
  });

  it.each([
    ['kubernetes.io/h2c', 'h2'],
    ['kubernetes.io/ws', 'http/1.1'],
    ['http', 'http/1.1'],
    ['grpc', 'h2'],
  ])('appProtocol %s is spoken as %s', (appProtocol, protocol) => {
    const { part } = compiled([EDGE, WEB, foundService('shop', 'web', [{ port: 80, appProtocol }])]);
    expect(part.backends['service/shop/web:80']?.protocol).toBe(protocol);
  });

  it.each<readonly [string, RawObject[], string, RegExp]>([
    ['is not there', [], 'BackendNotFound', /no Service or Backend shop\/web/],
    [
      'lacks the port',
      [foundService('shop', 'web', [{ port: 81 }])],
      'BackendNotFound',
      /no port 80 \(it has 81\)/,
    ],
    [
      'is an ExternalName',
      [foundService('shop', 'web', [], { type: 'ExternalName', externalName: 'web.example.net' })],
      'InvalidKind',
      /ExternalName.*web\.example\.net/,
    ],
    [
      'speaks something else',
      [foundService('shop', 'web', [{ port: 80, appProtocol: 'redis' }])],
      'UnsupportedProtocol',
      /speaks redis/,
    ],
    [
      'speaks TLS and nobody says whom to trust',
      [foundService('shop', 'web', [{ port: 80, appProtocol: 'https' }])],
      'UnsupportedProtocol',
      /no BackendTLSPolicy/,
    ],
  ])('a Service that %s is told in the status of its routes', (_what, services, reason, text) => {
    const finding = resolvedRefs(compiled([EDGE, WEB, ...services]));
    expect(finding).toMatchObject({ status: false, reason });
    expect(finding?.message).toMatch(text);
  });

  it('a BackendTLSPolicy covers the port of a Service by its name, with authorities of the cluster', () => {
    const policy = found('BackendTLSPolicy', 'shop', 'web', {
      targetRefs: [{ group: '', kind: 'Service', name: 'web', sectionName: 'tls' }],
      validation: {
        hostname: 'web.internal',
        caCertificateRefs: [{ group: '', kind: 'Secret', name: 'ca' }],
      },
    });
    const ca = found('Secret', 'shop', 'ca', { type: 'Opaque', keys: ['ca.crt'], digest: '1' });
    const service = foundService('shop', 'web', [{ port: 80, name: 'tls', appProtocol: 'https' }]);
    const { part, secretRefs } = compiled([EDGE, WEB, service, policy, ca]);
    expect(part.backends['service/shop/web:80']?.tls).toMatchObject({
      serverName: 'web.internal',
      bundles: ['kubernetes/shop/ca/ca.crt'],
    });
    // Its value is the agent's to put in.
    expect(secretRefs.bundles).toEqual([]);
  });

  it('a Backend of the hub without endpoints gives the Service its settings; one with endpoints is used in its place', () => {
    const services = [EDGE, WEB, foundService('shop', 'web')];
    const settings = stored('Backend', 'web', { connectTimeoutMs: 77 });
    expect(compiled(services, [settings]).part.backends['service/shop/web:80']?.connectTimeoutMs).toBe(77);
    const own = stored('Backend', 'web', { endpoints: [{ address: '192.0.2.1', port: 8080 }] });
    expect(Object.keys(compiled(services, [own]).part.backends)).toEqual(['shop/web:80']);
  });

  it('a Service of another namespace needs a ReferenceGrant, of the cluster or of the hub', () => {
    const route = found('HTTPRoute', 'shop', 'web', {
      parentRefs: [{ name: 'edge' }],
      rules: [{ backendRefs: [{ name: 'pay', namespace: 'bank', port: 80 }] }],
    });
    const all = [EDGE, route, foundService('bank', 'pay')];
    const spec = {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }],
      to: [{ group: '', kind: 'Service' }],
    };
    expect(resolvedRefs(compiled(all))?.reason).toBe('RefNotPermitted');
    expect(resolvedRefs(compiled([...all, found('ReferenceGrant', 'bank', 'shop', spec)]))?.status).toBe(
      true,
    );
    expect(
      resolvedRefs(compiled(all, [stored('ReferenceGrant', 'shop', spec, { namespace: 'bank' })]))?.status,
    ).toBe(true);
  });

  it('a listener takes routes of namespaces by the labels that these have in the cluster', () => {
    const edge = foundGateway('infra', 'edge', {
      allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { open: 'yes' } } } },
    });
    const route = foundRoute('shop', 'web', 'infra/edge', 'web');
    const all = [edge, route, foundService('shop', 'web')];
    expect(accepted(compiled(all))?.reason).toBe('NotAllowedByListeners');
    expect(accepted(compiled([...all, foundNamespace('shop', { open: 'no' })]))?.status).toBe(false);
    expect(accepted(compiled([...all, foundNamespace('shop', { open: 'yes' })]))?.status).toBe(true);
  });

  it('a listener names a Secret of the cluster, whose values the hub does not have', () => {
    const tls = { protocol: 'HTTPS', port: 443, tls: { certificateRefs: [{ name: 'cert' }] } };
    const secret = (keys: readonly string[], problem?: string, instead?: string): RawObject =>
      found('Secret', 'shop', 'cert', {
        type: 'kubernetes.io/tls',
        keys,
        digest: '1',
        ...(problem === undefined ? {} : { problem }),
        ...(instead === undefined ? {} : { instead }),
      });
    const edge = foundGateway('shop', 'edge', tls);
    const good = compiled([edge, secret(['tls.crt', 'tls.key'])]);
    expect(good.part.ports[0]?.listeners[0]?.tls?.certificates).toEqual(['kubernetes/shop/cert']);
    expect(good.secretRefs.certificates).toEqual([]);
    const finding = (made: CompiledGateways) =>
      made.reports.gateways[0]?.listeners[0]?.findings.find(({ type }) => type === 'ResolvedRefs');
    expect(finding(compiled([edge]))?.message).toBe('There is no Secret shop/cert.');
    expect(finding(compiled([edge, secret(['tls.crt'])]))?.message).toBe('Secret shop/cert has no tls.key.');
    const unfit = compiled([edge, secret(['tls.crt', 'tls.key'], 'no pair')]);
    expect(finding(unfit)).toMatchObject({
      status: false,
      reason: 'InvalidCertificateRef',
      message: 'Secret shop/cert: no pair',
    });
    // The agent has the pair that fitted last, and a listener that goes away would be worse.
    expect(unfit.part.ports[0]?.listeners[0]?.tls?.certificates).toEqual(['kubernetes/shop/cert']);
    const rotated = compiled([edge, secret(['tls.crt'], 'tls.key is missing', 'earlier')]);
    expect(finding(rotated)?.message).toBe(
      'Secret shop/cert: tls.key is missing; the pair of before is served.',
    );
    expect(rotated.part.ports[0]?.listeners[0]?.tls?.certificates).toEqual(['kubernetes/shop/cert']);
    // With no pair of before there is nothing to show, and the listener is not opened.
    const never = compiled([edge, secret(['tls.crt', 'tls.key'], 'no pair', 'nothing')]);
    expect(finding(never)).toMatchObject({ reason: 'InvalidCertificateRef' });
    expect(never.part.ports).toEqual([]);
    const own = compiled([edge, secret(['tls.crt', 'tls.key'])], [stored('Secret', 'cert', {})]);
    expect(own.secretRefs.certificates).toEqual(['shop/cert']);
  });

  it('policies of the hub hold for routes by namespace and name, and for Gateways by their labels', () => {
    const keys = stored('AuthPolicy', 'keys', {
      targetRefs: [{ kind: 'HTTPRoute', name: 'web' }],
      rules: { authentication: { key: { apiKey: {} } } },
    });
    const limits = stored(
      'GatewayPolicy',
      'small',
      { selector: { gateways: { size: 'small' } }, rules: { limits: { maxBodyBytes: 7 } } },
      { namespace: 'default' },
    );
    const edge = { ...EDGE, content: EDGE.content.replace('"labels":{}', '"labels":{"size":"small"}') };
    const { part, reports } = compiled([edge, WEB, foundService('shop', 'web')], [keys, limits]);
    const rule = part.rules['HTTPRoute/shop/web/0'];
    expect(part.auth[rule?.auth ?? '']?.authentication).toHaveLength(1);
    expect(part.edge[rule?.edge ?? '']?.limits.maxBodyBytes).toBe(7);
    expect(reports.policies.map(({ name, ancestors }) => [name, ancestors])).toEqual([
      ['keys', ['shop/edge']],
      ['small', ['shop/edge']],
    ]);
  });

  it('I5 residency of the TrafficPolicies that lead to the cluster binds Gateways of every namespace in it', () => {
    const residency = stored(
      'TrafficPolicy',
      'web',
      {
        hostnames: ['web.example.com'],
        endpoints: [{ name: 'k1', cluster: 'k1' }],
        routing: { default: { tiers: [{ members: [{ endpoint: 'k1' }] }] } },
        residency: [{ region: 'EU' }],
      },
      { namespace: 'default' },
    );
    const { part } = compiled([EDGE, WEB, foundService('shop', 'web')], [residency]);
    const rule = part.rules['HTTPRoute/shop/web/0'];
    expect(part.edge[rule?.edge ?? '']?.residency?.rules).toMatchObject([{ region: 'EU' }]);
  });
});
