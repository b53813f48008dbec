import { describe, expect, it } from 'vitest';
import { importKuadrant } from './import.ts';
import { isMap } from './ledger.ts';

const TARGET = { targetRef: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'web' } };
const JWT = { jwt: { issuerUrl: 'https://id.example' } };
const KEYS = { apiKey: { selector: { matchLabels: { app: 'shop' } } } };
const NOBODY = { nobody: { when: ['false'], anonymous: {} } };
const DENIED = { cel: { expressions: ['false'] } };

function imported(rules: object) {
  const document = {
    apiVersion: 'kuadrant.io/v1',
    kind: 'AuthPolicy',
    metadata: { namespace: 'shop', name: 'web' },
    spec: { ...TARGET, rules },
  };
  const result = importKuadrant([{ value: document }], { zones: [], clusterNamespace: 'default' });
  const made = result.documents[0]?.spec?.rules;
  const worst = (field: string): string | undefined =>
    result.ledger.find((line) => line.field.startsWith(field) && line.verdict !== 'exact')?.verdict;
  return { rules: isMap(made) ? made : {}, worst };
}

function patterns(pattern: object) {
  return { check: { patternMatching: { patterns: [pattern] } } };
}

describe('access after an import from Kuadrant', () => {
  it('is denied by a check of what is never fetched, also where its absence would pass', () => {
    const metadata = { list: { http: { url: 'https://list.example/{auth.identity.sub}' } } };
    const authentication = { tokens: JWT };
    for (const pattern of [
      { selector: 'auth.metadata.list.blocked', operator: 'neq', value: 'true' },
      { predicate: '!has(auth.metadata.list)' },
      { predicate: "!('list' in auth.metadata)" },
    ]) {
      const { rules } = imported({ authentication, metadata, authorization: patterns(pattern) });
      expect(rules.authorization).toEqual({ check: DENIED });
    }
    const fetched = { list: { http: { url: 'https://list.example/' } } };
    const authorization = patterns({ predicate: 'auth.metadata.list.ok' });
    const { rules } = imported({ authentication, metadata: fetched, authorization });
    expect(rules.authorization).toEqual({ check: { cel: { expressions: ['auth.metadata.list.ok'] } } });
  });

  it('is denied by a check of what an identity never has here', () => {
    const banned = { selector: 'auth.identity.metadata.labels.tier', operator: 'neq', value: 'banned' };
    const both = imported({ authentication: { tokens: JWT, keys: KEYS }, authorization: patterns(banned) });
    expect(both.rules.authorization).toEqual({ check: DENIED });
    const known = imported({
      authentication: { nobody: { anonymous: {} }, tokens: JWT },
      authorization: patterns({ predicate: '!has(auth.identity.anonymous)' }),
    });
    expect(known.rules.authorization).toEqual({ check: DENIED });
    const named = imported({
      authentication: { proxy: { plain: { selector: 'context.request.http.headers.x-user' } } },
      authorization: patterns({ predicate: "auth.identity != 'mallory'" }),
    });
    expect(named.rules.authorization).toEqual({
      check: { cel: { expressions: ["auth.principal != 'mallory'"] } },
    });
  });

  it('knows within one way to authenticate what its identities have', () => {
    const { rules } = imported({
      authentication: {
        tokens: JWT,
        pods: {
          kubernetesTokenReview: { audiences: ['shop'] },
          overrides: { sub: { selector: 'auth.identity.user.username' } },
        },
      },
    });
    expect(rules.authentication).toMatchObject({ pods: { overrides: { sub: 'auth.identity.username' } } });
  });

  it('sees the query string where the path has one in Kuadrant', () => {
    const texts = (predicate: string): unknown =>
      imported({ authentication: { tokens: JWT }, authorization: patterns({ predicate }) }).rules
        .authorization;
    const path = "(request.query == '' ? request.path : request.path + '?' + request.query)";
    for (const [theirs, ours] of [
      ["!request.path.contains('debug=1')", `!${path}.contains('debug=1')`],
      ["request.path.startsWith('/toys')", "request.path.startsWith('/toys')"],
      ["!request.path.startsWith('/toys?a')", `!${path}.startsWith('/toys?a')`],
    ] as const)
      expect(texts(theirs)).toEqual({ check: { cel: { expressions: [ours] } } });
  });

  it('is denied by a check of a claim in whose place something else is handed on', () => {
    const properties = { group: { value: 'staff' } };
    const { rules } = imported({
      authentication: { tokens: JWT },
      authorization: patterns({ selector: 'auth.identity.group', operator: 'eq', value: 'staff' }),
      response: { success: { filters: { identity: { json: { properties } } } } },
    });
    expect(rules.authorization).toEqual({ check: DENIED });
  });

  it('is not given to every token of a cluster', () => {
    const { rules, worst } = imported({ authentication: { pods: { kubernetesTokenReview: {} } } });
    expect(rules.authentication).toEqual(NOBODY);
    expect(worst('spec.rules.authentication.pods')).toBe('unsupported');
  });

  it('keeps both of two rules whose names are one here', () => {
    const never = { patternMatching: { patterns: [{ predicate: 'false' }] } };
    const always = { patternMatching: { patterns: [{ predicate: 'true' }] } };
    const { rules } = imported({
      authentication: { tokens: JWT },
      authorization: { 'a.b': never, 'a-b': always },
    });
    expect(rules.authorization).toEqual({
      'a-b': DENIED,
      'a-b-2': { cel: { expressions: ['true'] } },
    });
  });

  it('is refused to everybody where the hub would refuse the policy', () => {
    const { rules, worst } = imported({
      authentication: { tokens: JWT },
      response: { unauthorized: { code: 700 } },
    });
    expect(rules).toEqual({ authentication: NOBODY });
    expect(worst('spec.rules.response.unauthorized.status')).toBe('unsupported');
  });

  it('does not leave a header to the client where it cannot be made', () => {
    const headers = { 'X-User': { json: { properties: { name: { value: 'a' } } } } };
    const { rules } = imported({ authentication: { tokens: JWT }, response: { success: { headers } } });
    expect(rules.response).toEqual({ headers: { 'x-user': "auth.metadata['not imported']" } });
  });
});
