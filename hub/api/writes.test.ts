import { describe, expect, it } from 'vitest';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { differences } from './differences.ts';
import { presentable } from './writes.ts';

const secret: AnyResource = {
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Secret',
  metadata: {
    namespace: 'team',
    name: 's',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2030-01-01T00:00:00Z',
    finalizers: [],
    labels: {},
    annotations: {},
  },
  spec: { stringData: { key: 'canary' } },
};

describe('what leaves the API', () => {
  it('I33 of a Secret never has values, even if the store gave them', () => {
    expect(JSON.stringify(presentable(secret))).not.toContain('canary');
    expect(presentable(secret).metadata).toEqual(secret.metadata);
  });

  it("I33 of a plan names a Secret's keys and hides both values", () => {
    const next = {
      kind: 'Secret',
      namespace: 'team',
      name: 's',
      spec: { stringData: { key: 'canary-2', gone: null } },
      labels: {},
      annotations: {},
      finalizers: [],
    } as const;
    const fields = differences(secret, next);
    expect(fields).toEqual([
      { path: 'spec.stringData.key', after: '(hidden)' },
      { path: 'spec.stringData.gone', before: '(hidden)' },
    ]);
  });
});
