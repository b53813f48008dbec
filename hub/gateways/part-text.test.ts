import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { NO_GATEWAY } from '../../src/policy/model.ts';
import { backendOf, compiled, gatewayOf, stored } from '../../src/policy/testing/gateway-objects.ts';
import { writeWhole } from './part-text.ts';

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

describe('the text of what gateways get, for agents that do not read pieces', () => {
  it('is its canonical JSON', async () => {
    const { part } = compiled(gatewayOf(), backendOf('b'), limits, route('a', '/a'), route('c', '/c'));
    expect(part.quota).toBeDefined();
    for (const one of [part, NO_GATEWAY])
      expect(new TextDecoder().decode(await writeWhole(one, async () => undefined))).toBe(canonicalJson(one));
  });

  it('leaves others their turn while thousands of routes are written', async () => {
    const routes = Array.from({ length: 300 }, (_, at) => route(`r${at}`, '/'));
    const { part } = compiled(gatewayOf(), backendOf('b'), ...routes);
    let breaths = 0;
    const bytes = await writeWhole(part, async () => {
      breaths += 1;
    });
    expect(new TextDecoder().decode(bytes)).toBe(canonicalJson(part));
    expect(breaths).toBeGreaterThan(3);
  });
});
