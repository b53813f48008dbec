import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { compileGateways } from '../../src/policy/compile.ts';
import { NO_GATEWAY } from '../../src/policy/model.ts';
import {
  backendOf,
  clusterIn,
  gatewayOf,
  objectsOf,
  stored,
} from '../../src/policy/testing/gateway-objects.ts';
import { regionTable } from '../../src/routing/geography.ts';
import { gatewayPartText, withSameEntries } from './part-text.ts';

const route = (name: string, path: string) =>
  stored('HTTPRoute', name, {
    parentRefs: [{ name: 'web' }],
    hostnames: [`${name}.example.com`],
    rules: [
      {
        name: 'x',
        matches: [{ path: { value: path }, headers: [{ name: 'x', value: 'ü"' }] }],
        backendRefs: [{ name: 'b', port: 8080 }],
      },
    ],
  });
const limits = stored('RateLimitPolicy', 'all', {
  targetRefs: [{ kind: 'Gateway', name: 'web' }],
  rules: { limits: { all: { rates: [{ limit: 5, window: '1m' }] } } },
});
const compiled = (...routes: ReturnType<typeof route>[]) =>
  compileGateways(objectsOf(clusterIn('DE'), gatewayOf(), backendOf('b'), limits, ...routes), 'shop/fra', {
    regions: regionTable(),
    quotaVersion: 3,
  }).part;

describe('the text of what gateways get', () => {
  it('is its canonical JSON', () => {
    const part = compiled(route('a', '/a'), route('c', '/c'));
    expect(part.quota).toBeDefined();
    expect(gatewayPartText(part)).toBe(canonicalJson(part));
    expect(gatewayPartText(NO_GATEWAY)).toBe(canonicalJson(NO_GATEWAY));
  });

  it('is that of the new one where it is made of parts of an old one', () => {
    const [kept, before] = [route('a', '/a'), compiled(route('a', '/a'), route('c', '/c'))];
    gatewayPartText(before);
    const now = compiled(kept, route('c', '/other'));
    const shared = withSameEntries(before, now);
    expect(shared.rules['HTTPRoute/shop/a/0']).toBe(before.rules['HTTPRoute/shop/a/0']);
    expect(gatewayPartText(shared)).toBe(canonicalJson(now));
  });
});
