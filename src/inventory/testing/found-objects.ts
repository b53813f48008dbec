import type { InventoryMessage } from '../apply.ts';
import type { InventoryFacts } from '../contract.ts';
import type { RawObject } from '../read-object.ts';

/* Builders for tests of what agents find. */

export function found(
  kind: string,
  namespace: string,
  name: string,
  spec: unknown,
  more: Readonly<Record<string, unknown>> = {},
): RawObject {
  const content = {
    uid: `uid-${kind}-${namespace}-${name}`,
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: {},
    annotations: {},
    spec,
    ...more,
  };
  return { kind, namespace, name, content: JSON.stringify(content) };
}

export const foundGateway = (namespace: string, name: string, more: object = {}): RawObject =>
  found('Gateway', namespace, name, {
    gatewayClassName: 'portolan',
    listeners: [{ name: 'web', port: 80, protocol: 'HTTP', ...more }],
  });

export const foundRoute = (
  namespace: string,
  name: string,
  gateway: string,
  service: string,
  port = 80,
): RawObject => {
  const [of = namespace, parent = gateway] = gateway.includes('/')
    ? gateway.split('/')
    : [namespace, gateway];
  return found('HTTPRoute', namespace, name, {
    parentRefs: [{ name: parent, namespace: of }],
    hostnames: [`${name}.example.com`],
    rules: [{ backendRefs: [{ name: service, port }] }],
  });
};

export const foundService = (
  namespace: string,
  name: string,
  ports: readonly object[] = [{ port: 80 }],
  more: object = {},
): RawObject => found('Service', namespace, name, { type: 'ClusterIP', ports, ...more });

export const foundNamespace = (name: string, labels: Readonly<Record<string, string>> = {}): RawObject =>
  found('Namespace', '', name, {}, { labels });

export function message(
  sequence: number,
  changed: readonly RawObject[],
  more: Partial<InventoryMessage> = {},
): InventoryMessage {
  return { session: 's1', sequence, complete: true, changed, removed: [], ...more };
}

export const FACTS: InventoryFacts = {
  version: 'v1.36.0',
  addresses: [{ value: '198.51.100.7', type: 'IPAddress', from: 'Service edge/lb' }],
  nodes: { ready: 2, all: 3, zones: { a: 1, b: 1 }, cpuMillis: 4000, memoryBytes: 8e9 },
  problems: [],
};
