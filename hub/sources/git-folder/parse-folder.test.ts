import { describe, expect, it } from 'vitest';
import { containing } from '../../../test/support/matchers.ts';
import { parseFolder } from './parse-folder.ts';

const check = (name: string): string =>
  `apiVersion: portolan.dev/v1alpha1\nkind: HealthCheck\nmetadata: { name: ${name} }\nspec: { protocol: tcp, port: 1 }\n`;
const of = (files: Readonly<Record<string, string>>) =>
  parseFolder({
    files: Object.entries(files).map(([path, text]) => ({ path, text })),
    problems: [],
    notes: [],
  });

describe('a folder of files', () => {
  it('gives its documents with file and line, of YAML with several and of JSON', () => {
    const { objects, complete } = of({
      'a.yaml': `${check('a')}---\n${check('b')}`,
      'c.json': JSON.stringify({
        apiVersion: 'portolan.dev/v1alpha1',
        kind: 'HealthCheck',
        metadata: { name: 'c' },
        spec: { protocol: 'tcp', port: 1 },
      }),
    });
    expect([...objects].map(([id, { origin }]) => [id, origin])).toEqual([
      ['HealthCheck default/a', 'a.yaml:1'],
      ['HealthCheck default/b', 'a.yaml:6'],
      ['HealthCheck default/c', 'c.json:1'],
    ]);
    expect(complete).toBe(true);
  });

  it.each([
    ['text that is no YAML', 'a: [\n', /^x\.yaml:\d+:\d+$/],
    ['a key that stands twice', `${check('a')}kind: Zone\n`, /^x\.yaml:5:1$/],
    ['a field that is wrong', check('a').replace('port: 1', 'port: many'), /^x\.yaml:4$/],
    ['a kind that does not exist', check('a').replace('HealthCheck', 'HelthCheck'), /^x\.yaml:1$/],
    ['a document without a kind', 'metadata: { name: a }\n', /^x\.yaml:1$/],
    ['a misspelt group', check('a').replace('portolan.dev', 'protolan.dev'), /^x\.yaml:1$/],
    [
      'a misspelt group of the Gateway API',
      'apiVersion: gateway.networking.k8s.oi/v1\nkind: Gateway\nmetadata: { name: a }\n',
      /^x\.yaml:1$/,
    ],
  ])(
    '%s is a problem with its place; the others are read, and nothing may be removed',
    (_what, text, origin) => {
      const { objects, problems, complete } = of({ 'x.yaml': text, 'y.yaml': check('good') });
      expect(problems[0]?.origin).toMatch(origin);
      expect(complete).toBe(false);
      expect([...objects.keys()]).toEqual(['HealthCheck default/good']);
    },
  );

  it.each([
    ['an object of Kubernetes', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\n'],
    [
      'a GatewayClass',
      'apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: a }\n',
    ],
    ['a Secret of Kubernetes', 'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n'],
    [
      'a Cluster of cluster.x-k8s.io',
      'apiVersion: cluster.x-k8s.io/v1\nkind: Cluster\nmetadata: { name: a }\n',
    ],
    ['a Issuer of cert-manager.io', 'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: { name: a }\n'],
    ['a AuthPolicy of kuadrant.io', 'apiVersion: kuadrant.io/v1\nkind: AuthPolicy\nmetadata: { name: a }\n'],
    [
      'a Backend of gateway.envoyproxy.io',
      'apiVersion: gateway.envoyproxy.io/v1\nkind: Backend\nmetadata: { name: a }\n',
    ],
    [
      'a Gateway of networking.istio.io',
      'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: { name: a }\n',
    ],
    [
      'a HTTPRoute of networking.gke.io',
      'apiVersion: networking.gke.io/v1\nkind: HTTPRoute\nmetadata: { name: a }\n',
    ],
    [
      'a resource of Flux',
      'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: a }\n',
    ],
  ])('%s is left out with a note', (_what, text) => {
    const { problems, notes, complete } = of({ 'x.yaml': text, 'y.yaml': check('good') });
    expect(problems).toEqual([]);
    expect(notes).toEqual([containing('x.yaml:1')]);
    expect(complete).toBe(true);
  });

  it('of an object that stands there twice takes neither', () => {
    const { objects, problems } = of({ 'x.yaml': check('a'), 'y.yaml': check('a'), 'z.yaml': check('a') });
    expect(objects.size).toBe(0);
    expect(problems[0]?.message).toBe(
      'HealthCheck default/a stands in the folder twice: in x.yaml:1 and in y.yaml:1',
    );
    expect(problems).toHaveLength(2);
  });

  it('without an object is not complete, so that nothing is removed', () => {
    expect(of({}).complete).toBe(false);
    expect(of({ 'kustomization.yaml': 'resources: []\n' }).complete).toBe(false);
  });
});
