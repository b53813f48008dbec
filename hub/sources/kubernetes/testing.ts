import type { KubeObject } from '../../../kube/contract.ts';
import type { HubEntry } from './hub-view.ts';
import { MIRRORED_KINDS } from './kinds.ts';
import { type Mirrored, mirroredOf } from './mirrored.ts';

/* For the tests of this folder. */

/** A HealthCheck as Kubernetes has it. */
export function kubeCheck(
  name: string,
  more: {
    readonly spec?: object;
    readonly metadata?: Partial<KubeObject['metadata']>;
    readonly status?: unknown;
  } = {},
): KubeObject {
  return {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'HealthCheck',
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      ...more.metadata,
    },
    spec: more.spec ?? { protocol: 'tcp', port: 1 },
    ...(more.status === undefined ? {} : { status: more.status }),
  };
}

export function mirroredCheck(
  name: string,
  more: Parameters<typeof kubeCheck>[1] = {},
  before?: Mirrored,
): Mirrored {
  const of = MIRRORED_KINDS.find(({ kind }) => kind === 'HealthCheck');
  if (of === undefined) throw new Error('no HealthCheck');
  return mirroredOf(of, kubeCheck(name, more), before);
}

/** What the hub has of it. */
export function hubEntry(changes: Partial<HubEntry> = {}): HubEntry {
  return {
    uid: 'hub-1',
    generation: 1,
    manager: 'kubernetes',
    takenOver: false,
    deleting: false,
    status: undefined,
    ...changes,
  };
}
