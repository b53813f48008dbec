import type { KubeResource } from '../../../kube/contract.ts';
import { KINDS, type Kind } from '../../../src/resources/catalogue.ts';
import { CRD_KINDS } from '../../../src/resources/crd-kinds.ts';
import { API_VERSION } from '../../../src/resources/metadata.ts';
import { GATEWAY_API_GROUP } from '../../../src/resources/route-fields.ts';

/** Label of an object of the Gateway API that is the hub's, for every cluster; without it, it belongs to the agent of its cluster. */
export const HUB_LABEL = 'portolan.dev/hub';
/** An object with it goes from Kubernetes once the hub has let go of it. */
export const FINALIZER = 'portolan.dev/hub';
/** Who owns the fields of statuses in server-side apply. */
export const FIELD_MANAGER = 'portolan-hub';

/** A kind of Kubernetes that sets objects of the hub. */
export interface MirroredKind {
  readonly kind: Kind;
  readonly resource: KubeResource;
  /** Only objects with this label; undefined: all. */
  readonly labelSelector?: string;
  /**
   * How the hub's status stands there: `whole` in custom resources, `gateway` as the Gateway API's schema has it, `entries` in a list that is shared with others,
   * `none` where there is no place for it.
   */
  readonly status: 'whole' | 'gateway' | 'parents' | 'ancestors' | 'none';
  /** It waits for the hub before it goes. Not Secrets: the right to change Secrets is worth more than that. */
  readonly holds: boolean;
  /** Where Kubernetes has no such resource, nothing of it is meant. Of the others the definition belongs to the installation. */
  readonly optional: boolean;
}

const [GROUP = '', VERSION = ''] = API_VERSION.split('/');

const gatewayApi = (
  kind: 'Gateway' | 'HTTPRoute' | 'GRPCRoute' | 'ReferenceGrant' | 'BackendTLSPolicy',
  status: MirroredKind['status'],
  // Old releases have no `v1` of ReferenceGrant, and new ones still have this one.
  version = kind === 'ReferenceGrant' ? 'v1beta1' : 'v1',
): MirroredKind => ({
  kind,
  resource: { group: GATEWAY_API_GROUP, version, plural: KINDS[kind].plural, kind, namespaced: true },
  labelSelector: `${HUB_LABEL}=true`,
  status,
  holds: true,
  optional: true,
});

/** Custom resources, and labelled objects of the Gateway API. */
export const MIRRORED_KINDS: readonly MirroredKind[] = [
  ...CRD_KINDS.map(
    (kind): MirroredKind => ({
      kind,
      resource: { group: GROUP, version: VERSION, plural: KINDS[kind].plural, kind, namespaced: true },
      status: 'whole',
      holds: true,
      optional: false,
    }),
  ),
  gatewayApi('Gateway', 'gateway'),
  gatewayApi('HTTPRoute', 'parents'),
  gatewayApi('GRPCRoute', 'parents'),
  gatewayApi('ReferenceGrant', 'none'),
  gatewayApi('BackendTLSPolicy', 'ancestors'),
];

/** @param labelSelector which Secrets the hub may read */
export function secretKind(labelSelector: string): MirroredKind {
  return {
    kind: 'Secret',
    resource: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true },
    labelSelector,
    status: 'none',
    holds: false,
    optional: true,
  };
}
