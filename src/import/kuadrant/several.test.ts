import { describe, expect, it } from 'vitest';
import { parseText } from '../../resources/yaml.ts';
import { importKuadrant } from './import.ts';

function imported(...given: readonly (readonly [cluster: string, text: string])[]) {
  const documents = given.flatMap(([cluster, text]) =>
    parseText(text).map(({ value }) => ({ value, cluster })),
  );
  return importKuadrant(documents, { zones: ['example.com'], clusterNamespace: 'default' });
}

function namespace(name: string): string {
  const metadata = (own: string): string => `{ name: ${own}, namespace: ${name} }`;
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: ${metadata('web')}
spec:
  gatewayClassName: istio
  infrastructure: { labels: { team: ${name} } }
  listeners: [{ name: a, hostname: ${name}.example.com, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: s }] } }]
---
apiVersion: kuadrant.io/v1
kind: TLSPolicy
metadata: ${metadata('tls')}
spec: { targetRef: { group: gateway.networking.k8s.io, kind: Gateway, name: web }, issuerRef: { name: le } }
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: ${metadata('le')}
spec: { acme: { server: "https://${name}.example/dir", privateKeySecretRef: { name: k } } }
---
apiVersion: v1
kind: Secret
type: kuadrant.io/aws
metadata: ${metadata('aws')}
stringData: { AWS_ACCESS_KEY_ID: ${name}, AWS_SECRET_ACCESS_KEY: ${name} }
`;
}

describe('an import of several namespaces and clusters', () => {
  it('lets each namespace keep its own certificates, issuers and credentials', () => {
    const { documents, ledger } = imported(['eu', `${namespace('a')}---${namespace('b')}`]);
    const specs = (kind: string) =>
      documents.filter((one) => one.kind === kind).map(({ metadata, spec }) => [metadata.name, spec]);
    expect(specs('CertificatePolicy')).toMatchObject([
      ['tls', { dnsNames: ['a.example.com'], issuers: ['le'] }],
      ['tls-2', { dnsNames: ['b.example.com'], issuers: ['le-2'] }],
    ]);
    expect(specs('Issuer')).toMatchObject([
      ['le', { acme: { directory: 'https://a.example/dir' } }],
      ['le-2', { acme: { directory: 'https://b.example/dir' } }],
    ]);
    expect(specs('Gateway')).toMatchObject([
      ['web', { listeners: [{ tls: { certificateRefs: [{ name: 'tls' }] } }] }],
      ['web', { listeners: [{ tls: { certificateRefs: [{ name: 'tls-2' }] } }] }],
    ]);
    expect(specs('DNSProvider')).toMatchObject([
      ['aws', { route53: { secret: 'aws' } }],
      ['aws-2', { route53: { secret: 'aws-2' } }],
    ]);
    const infrastructure = ledger.filter(({ field }) => field.startsWith('spec.infrastructure'));
    expect(infrastructure.map(({ verdict }) => verdict)).toEqual(['unsupported', 'unsupported']);
  });

  it('says so when a Gateway, an Issuer or a health check differs between clusters', () => {
    const dns = (path: string): string => `---
apiVersion: kuadrant.io/v1
kind: DNSPolicy
metadata: { name: dns, namespace: a }
spec: { targetRef: { group: gateway.networking.k8s.io, kind: Gateway, name: web }, healthCheck: { path: ${path} } }
`;
    const { ledger } = imported(
      ['eu', namespace('a') + dns('/eu')],
      [
        'us',
        namespace('a').replace('a.example/dir', 'us.example/dir').replace('port: 443', 'port: 8443') +
          dns('/us'),
      ],
    );
    const differs = ledger.filter(({ says }) => says?.startsWith('it differs between clusters') === true);
    expect(differs.every(({ verdict }) => verdict === 'unsupported')).toBe(true);
    expect(differs.map(({ object, field }) => `${object} ${field}`)).toEqual(
      expect.arrayContaining([
        'Gateway a/web spec.listeners[0].port',
        'Issuer a/le spec.acme.server',
        'DNSPolicy a/dns spec.healthCheck.path',
      ]),
    );
  });
});
