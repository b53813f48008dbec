import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CompiledAuth } from '../../src/policy/model.ts';
import { clusterIn, compiled, type Stored, stored } from '../../src/policy/testing/gateway-objects.ts';
import { parseResource } from '../../src/resources/validate.ts';
import { parseText } from '../../src/resources/yaml.ts';
import type { GatewayRequest } from '../request.ts';
import { type AuthWorld, authWorld, requestOf, shortly } from './testing/world.ts';

/* The examples all the way: from the file a person applies to who may pass. */

type Rules = Readonly<Record<string, CompiledAuth>>;

function policiesOf(file: string): Rules {
  const text = readFileSync(new URL(`../../docs/examples/${file}`, import.meta.url), 'utf8');
  const objects = parseText(text).flatMap(({ value }): readonly Stored[] => {
    const { kind, metadata, spec } = parseResource(value);
    switch (kind) {
      case 'Gateway':
        return [stored(kind, metadata.name, spec)];
      case 'HTTPRoute':
        return [stored(kind, metadata.name, spec)];
      case 'Backend':
        return [stored(kind, metadata.name, spec)];
      case 'AuthPolicy':
        return [stored(kind, metadata.name, spec)];
      case 'Secret':
        return [stored(kind, metadata.name, spec)];
      default:
        throw new Error(`${file} has a ${kind}, which this test does not know`);
    }
  });
  const { part } = compiled(clusterIn('DE', 'frankfurt'), ...objects);
  return Object.fromEntries(
    Object.values(part.rules).flatMap((rule) => {
      const auth = rule.auth === undefined ? undefined : part.auth[rule.auth];
      return auth === undefined ? [] : [[rule.source.sectionName ?? '', auth]];
    }),
  );
}

async function tried(
  world: AuthWorld,
  auth: CompiledAuth | undefined,
  request: GatewayRequest,
): Promise<string> {
  if (auth === undefined) throw new Error('the rule has no policy');
  return shortly(await world.decide(auth, request));
}

describe('examples/auth-tokens.yaml', () => {
  const rules = policiesOf('auth-tokens.yaml');
  const world = authWorld(undefined, { values: { values: { 'shop/introspection/client-secret': 'x' } } });

  it('can be used as it is compiled', () => {
    expect(Object.keys(rules)).toEqual(['api', 'pages']);
    expect(Object.values(rules).flatMap((auth) => world.authorizer.problems(auth))).toEqual([]);
  });

  it('lets a key through the API, and tells the backend who calls', async () => {
    const request = requestOf({ path: '/api/v2/x', headers: { 'x-api-key': 'good', 'x-caller': 'root' } });
    expect(await tried(world, rules.api, request)).toBe('200 billing');
    const decision = rules.api === undefined ? undefined : await world.decide(rules.api, request);
    expect(decision).toMatchObject({ set: ['x-caller', 'billing', 'x-roles', 'reader'] });
    expect(await tried(world, rules.api, requestOf())).toBe('401 CREDENTIALS_MISSING');
  });

  it('sends browsers to the login page', async () => {
    const browser = requestOf({ path: '/start', headers: { accept: 'text/html' } });
    const denied = rules.pages === undefined ? undefined : await world.decide(rules.pages, browser);
    expect(denied).toMatchObject({ status: 302 });
    expect(denied?.allowed === false ? denied.fields : []).toContain('https://login.shop.example/?to=/start');
  });
});

describe('examples/auth-rules.yaml', () => {
  it('can be used as it is compiled', async () => {
    const rules = policiesOf('auth-rules.yaml');
    const world = authWorld();
    expect(Object.keys(rules)).toEqual(['orders', 'deployments']);
    expect(Object.values(rules).flatMap((auth) => world.authorizer.problems(auth))).toEqual([]);
    expect(await tried(world, rules.orders, requestOf())).toBe('401 CREDENTIALS_MISSING');
    // Outside a cluster there is no API server to ask.
    const pod = requestOf({ headers: { authorization: 'Bearer token' } });
    expect(await tried(world, rules.deployments, pod)).toBe('503 AUTH_UNAVAILABLE');
  });
});
