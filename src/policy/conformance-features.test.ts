import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** `pkg/features` of the Gateway API: everything about Gateway, HTTPRoute, GRPCRoute, BackendTLSPolicy and ReferenceGrant but the mesh. */
const FEATURES = [
  'BackendTLSPolicy',
  'BackendTLSPolicySANValidation',
  'GRPCRoute',
  'GRPCRouteNamedRouteRule',
  'GRPCRouteRequestHeaderModifier',
  'Gateway',
  'GatewayAddressEmpty',
  'GatewayBackendClientCertificate',
  'GatewayFrontendClientCertificateValidation',
  'GatewayFrontendClientCertificateValidationInsecureFallback',
  'GatewayHTTPListenerIsolation',
  'GatewayHTTPSListenerDetectMisdirectedRequests',
  'GatewayInfrastructurePropagation',
  'GatewayPort8080',
  'GatewayStaticAddresses',
  'HTTPRoute',
  'HTTPRoute303RedirectStatusCode',
  'HTTPRoute307RedirectStatusCode',
  'HTTPRoute308RedirectStatusCode',
  'HTTPRouteBackendProtocolH2C',
  'HTTPRouteBackendProtocolWebSocket',
  'HTTPRouteBackendRequestHeaderModification',
  'HTTPRouteBackendRequestRedirect',
  'HTTPRouteBackendTimeout',
  'HTTPRouteBackendURLRewrite',
  'HTTPRouteCORS',
  'HTTPRouteDestinationPortMatching',
  'HTTPRouteHostRewrite',
  'HTTPRouteMethodMatching',
  'HTTPRouteNamedRouteRule',
  'HTTPRouteParentRefPort',
  'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite',
  'HTTPRoutePortRedirect',
  'HTTPRouteQueryParamMatching',
  'HTTPRouteRequestMirror',
  'HTTPRouteRequestMultipleMirrors',
  'HTTPRouteRequestPercentageMirror',
  'HTTPRouteRequestTimeout',
  'HTTPRouteResponseHeaderModification',
  'HTTPRouteRetry',
  'HTTPRouteRetryBackendTimeout',
  'HTTPRouteRetryConnectionError',
  'HTTPRouteSchemeRedirect',
  'ListenerSet',
  'ReferenceGrant',
];

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/gateway-conformance.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => /^\| [A-Z]\w+ \| (core|extended) \|/.test(line))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));

describe('the page about the Gateway API', () => {
  it('names every feature of the conformance suite once', () => {
    expect(rows.map(([feature]) => feature).sort()).toEqual(FEATURES);
  });

  it('says what GatewayClasses say, but for authorities in ConfigMaps', () => {
    const here = rows.flatMap(([feature = '', , yes]) => (yes === 'yes' ? [feature] : []));
    const source = readFileSync(join(root, 'spoke-agent/kubernetes/supported-features.ts'), 'utf8');
    const told = [...source.matchAll(/^ {2}'(\w+)',$/gm)].map(([, feature]) => feature);
    expect(told).toEqual(here.filter((feature) => !feature.startsWith('BackendTLSPolicy')).sort());
  });

  it('says of each core feature that it is there', () => {
    const core = rows.filter(([, level]) => level === 'core');
    expect(core.length).toBeGreaterThan(3);
    expect(core.filter(([, , here]) => here !== 'yes')).toEqual([]);
  });

  it.each(rows)('%s (%s): %s, with tests that exist or a reason', (_feature, _level, here, why = '') => {
    if (here === 'no') {
      expect(why.length).toBeGreaterThan(20);
      return;
    }
    const named = [...why.matchAll(/\]\(\.\.\/([^)]+)\): ((?:“[^”]+”(?:, )?)+)/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, file = '', titles = ''] of named) {
      const source = readFileSync(join(root, file), 'utf8').replace(/\s+/g, ' ');
      for (const [, title = ''] of titles.matchAll(/“([^”]+)”/g)) {
        expect([file, title, source.includes(title)]).toEqual([file, title, true]);
      }
    }
  });
});
