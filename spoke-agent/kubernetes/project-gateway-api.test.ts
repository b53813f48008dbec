import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../kube/contract.ts';
import {
  contentAt,
  MAX_CONTENT,
  projectClass,
  projectGateway,
  projectPolicy,
  projectRoute,
} from './project-gateway-api.ts';

function object(kind: string, spec: unknown, metadata: object = {}, status?: unknown): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: {
      name: 'a',
      namespace: 'shop',
      uid: 'u-1',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: '17',
      annotations: { 'portolan.dev/clusters': 'ams', 'example.com/other': 'x' },
      ...metadata,
    },
    spec,
    ...(status === undefined ? {} : { status }),
  };
}
const route = (parentRefs: readonly object[], status?: unknown) =>
  object('HTTPRoute', { parentRefs, rules: [{ backendRefs: [{ name: 'cart', port: 80 }] }] }, {}, status);
const OWN = {
  parents: [
    { parentRef: { name: 'web' }, controllerName: 'portolan.dev/gateway-controller', conditions: [] },
  ],
};

describe('what is kept of the Gateway API', () => {
  it('a route keeps its content as text, and which Gateways it names', () => {
    const kept = projectRoute(
      'HTTPRoute',
      route([{ name: 'web' }, { name: 'b', namespace: 'infra' }]),
      undefined,
    );
    expect(kept).toMatchObject({ uid: 'u-1', generation: 3, parents: ['shop/web', 'infra/b'], status: '' });
    expect(JSON.parse(kept?.content ?? '')).toMatchObject({
      uid: 'u-1',
      generation: 3,
      annotations: { 'portolan.dev/clusters': 'ams' },
      spec: { rules: [{ backendRefs: [{ name: 'cart', port: 80 }] }] },
    });
  });

  it('an object whose version alone moved is the one that was kept', () => {
    const one = route([{ name: 'web' }]);
    const kept = projectRoute('HTTPRoute', one, undefined);
    const moved = { ...one, metadata: { ...one.metadata, resourceVersion: '18', managedFields: [] } };
    expect(projectRoute('HTTPRoute', moved, kept)).toBe(kept);
  });

  it('a route of a mesh is not kept, but for the entry that is to be taken back', () => {
    const mesh = [{ group: '', kind: 'Service', name: 'cart' }];
    expect(projectRoute('HTTPRoute', route(mesh), undefined)).toBeUndefined();
    expect(projectRoute('HTTPRoute', route(mesh, OWN), undefined)).toMatchObject({ parents: [''] });
  });

  it('is sent with the parents that are ours, and not at all without one', () => {
    const kept = projectRoute('HTTPRoute', route([{ name: 'theirs' }, { name: 'web' }]), undefined);
    if (kept === undefined) throw new Error('not kept');
    expect(contentAt(kept, () => true)).toBe(kept.content);
    expect(contentAt(kept, () => false)).toBeUndefined();
    expect(JSON.parse(contentAt(kept, (name) => name === 'shop/web') ?? '')).toMatchObject({
      uid: 'u-1',
      spec: { parentRefs: [{ name: 'web' }], rules: [{}] },
    });
  });

  it('a Gateway names the Secrets of its listeners, its clients and its backends', () => {
    const kept = projectGateway(
      object('Gateway', {
        gatewayClassName: 'mine',
        listeners: [
          {
            name: 'https',
            port: 443,
            protocol: 'HTTPS',
            tls: { certificateRefs: [{ name: 'one' }, { name: 'two', namespace: 'infra' }, { name: 'one' }] },
          },
        ],
        tls: {
          backend: { clientCertificateRef: { name: 'client' } },
          frontend: {
            default: { validation: { caCertificateRefs: [{ kind: 'ConfigMap', group: '', name: 'no' }] } },
          },
        },
      }),
      undefined,
    );
    expect(kept).toMatchObject({ className: 'mine', secrets: ['shop/one', 'infra/two', 'shop/client'] });
    expect(JSON.parse(kept?.content ?? '')).toMatchObject({ spec: { gatewayClassName: 'portolan' } });
  });

  it('a policy names the Secrets of its authorities', () => {
    const spec = {
      targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
      validation: {
        hostname: 'a.example.com',
        caCertificateRefs: [{ group: '', kind: 'Secret', name: 'ca' }],
      },
    };
    expect(projectPolicy(object('BackendTLSPolicy', spec), undefined).secrets).toEqual(['shop/ca']);
  });

  it('a GatewayClass is ours by its controller, and parameters are not supported', () => {
    const ours = { controllerName: 'portolan.dev/gateway-controller' };
    expect(projectClass(object('GatewayClass', ours), undefined)).toMatchObject({ ours: true });
    expect(projectClass(object('GatewayClass', { controllerName: 'x.com/y' }), undefined).ours).toBe(false);
    expect(
      projectClass(object('GatewayClass', { ...ours, parametersRef: { name: 'x' } }), undefined).problem,
    ).toContain('parametersRef');
  });

  it('I36 what is too large says so, and its spec stays behind', () => {
    const huge = { ...object('HTTPRoute', {}).metadata, labels: { big: 'x'.repeat(MAX_CONTENT) } };
    const kept = projectRoute('HTTPRoute', { ...route([{ name: 'web' }]), metadata: huge }, undefined);
    expect(kept?.content.length).toBeLessThan(2 * MAX_CONTENT);
    expect(JSON.parse(kept?.content ?? '')).toMatchObject({ spec: null, labels: {} });
  });
});
