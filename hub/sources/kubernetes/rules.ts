import type { KubeRule } from '../../../kube/rules.ts';
import { KINDS } from '../../../src/resources/catalogue.ts';
import { CRD_KINDS } from '../../../src/resources/crd-kinds.ts';
import { API_VERSION } from '../../../src/resources/metadata.ts';
import { GATEWAY_API_GROUP } from '../../../src/resources/route-fields.ts';
import { MIRRORED_KINDS } from './kinds.ts';

const [API_GROUP = ''] = API_VERSION.split('/');
const FOLLOW = ['list', 'watch'];
const OURS = CRD_KINDS.map((kind) => KINDS[kind].plural);
const GATEWAY_API = MIRRORED_KINDS.filter(({ resource }) => resource.group === GATEWAY_API_GROUP);
const pluralsWith = (...modes: readonly string[]): readonly string[] =>
  GATEWAY_API.filter(({ status }) => modes.includes(status)).map(
    ({ resource }) => `${resource.plural}/status`,
  );

/** What a hub asks of Kubernetes that is driven by custom resources. */
export const HUB_RULES: readonly KubeRule[] = [
  {
    apiGroups: [API_GROUP],
    resources: OURS,
    verbs: [...FOLLOW, 'patch'],
    scope: 'cluster',
    why: 'Custom resources are what the hub is told; the patch is of their finalizer alone.',
  },
  {
    apiGroups: [API_GROUP],
    resources: OURS.map((plural) => `${plural}/status`),
    verbs: ['patch'],
    scope: 'cluster',
    why: 'What the hub says of each stands in its status.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: GATEWAY_API.map(({ resource }) => resource.plural),
    verbs: [...FOLLOW, 'patch'],
    scope: 'cluster',
    why: 'Gateways and routes with the label portolan.dev/hub=true are for every cluster of the hub; others are not read.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: pluralsWith('gateway'),
    verbs: ['patch'],
    scope: 'cluster',
    why: 'The status of such Gateways.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: pluralsWith('parents', 'ancestors'),
    verbs: ['update'],
    scope: 'cluster',
    why: 'Our entries in a list that other controllers write too, so that it is read and replaced.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: GATEWAY_API.filter(({ status }) => status === 'parents' || status === 'ancestors').map(
      ({ resource }) => resource.plural,
    ),
    verbs: ['get'],
    scope: 'cluster',
    why: 'Such a list is read anew before it is replaced.',
  },
  {
    apiGroups: [''],
    resources: ['secrets'],
    verbs: FOLLOW,
    scope: 'namespace',
    why: 'Secrets with the label portolan.dev/sync=true, in the namespace of the hub; elsewhere by a Role of that namespace. With names in the configuration, just these (`resourceNames`).',
  },
  {
    apiGroups: ['events.k8s.io'],
    resources: ['events'],
    verbs: ['create', 'patch'],
    scope: 'cluster',
    why: 'What became of an object is told beside it.',
  },
];
