import { configSchema } from '../../hub/config/schema.ts';
import { agentConfigSchema } from '../../spoke-agent/config.ts';
import { type JsonSchema, jsonSchemaOf } from '../../src/resources/json-schema.ts';

/* `values.schema.json` of the charts: what the charts add, and under `config` the programs' own configuration, made of the schemas they validate with. */

const text = (description: string, more: Readonly<Record<string, unknown>> = {}): JsonSchema => ({
  type: 'string',
  description,
  ...more,
});
const flag = (description: string): JsonSchema => ({ type: 'boolean', description });
const object = (description: string, properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: false,
  properties,
});
/** Also against `--set …=null`, which takes a default away. */
const requiring = (required: readonly string[], schema: JsonSchema): JsonSchema => ({ ...schema, required });
/** A part of the pod or of a policy that the API server checks. */
const anyObject = (description: string): JsonSchema => ({ type: 'object', description });
const anyList = (description: string): JsonSchema => ({
  type: 'array',
  description,
  items: { type: 'object' },
});
const texts = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
});

const NAME = { maxLength: 253, pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$' };
const REPOSITORY = '^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*$';
const QUANTITY = { pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$' };
const quantities = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: { anyOf: [{ type: 'string', ...QUANTITY }, { type: 'number' }] },
});

function service(what: string, options: { readonly optional: boolean; readonly local: boolean }): JsonSchema {
  return object(`The Service of ${what}.`, {
    ...(options.optional ? { enabled: flag('Whether there is one.') } : {}),
    type: text('Its type.', { enum: ['LoadBalancer', 'NodePort', 'ClusterIP'] }),
    ...(options.local
      ? {
          externalTrafficPolicy: text(
            '`Local` keeps the addresses of clients, which geography, rate limits and logs go by.',
            { enum: ['Local', 'Cluster'] },
          ),
        }
      : {}),
    annotations: texts('Its annotations, for the load balancer of the cloud.'),
    loadBalancerClass: text('Which load balancer; the default of the cluster when empty.'),
    loadBalancerSourceRanges: {
      type: 'array',
      description: 'Networks that may connect; all when empty.',
      items: { type: 'string', pattern: '^[0-9a-fA-F.:]+/[0-9]{1,3}$' },
    },
  });
}

const COMMON: Readonly<Record<string, JsonSchema>> = {
  fullnameOverride: text('The name that all objects start with; made of the release when empty.', {
    maxLength: 50,
    pattern: '^([a-z]([-a-z0-9]*[a-z0-9])?)?$',
  }),
  image: requiring(
    ['repository'],
    object('The image, which you build and push yourself.', {
      repository: text('Registry and name, without a tag.', { pattern: REPOSITORY }),
      tag: text('The version of the chart when empty.', { maxLength: 128 }),
      digest: text('`sha256:…` wins over the tag.', { pattern: '^(sha256:[0-9a-f]{64})?$' }),
      pullPolicy: text('When it is fetched.', { enum: ['Always', 'IfNotPresent', 'Never'] }),
      pullSecrets: anyList('Secrets for the registry: `- name: …`.'),
    }),
  ),
  listenHost: text('Where the pod listens: all its IPv4 addresses, or with `::` those of IPv6 too.', {
    enum: ['0.0.0.0', '::'],
  }),
  persistence: object('The volume.', {
    size: text('How large.', QUANTITY),
    storageClass: text('Which class; the default of the cluster when empty.', NAME),
  }),
  rbac: object('Roles.', {
    create: flag('Make Roles and bindings; without it somebody else grants what the chart lists.'),
  }),
  serviceAccount: object('Who the pod is.', {
    create: flag('Make it.'),
    name: text('Its name; that of the release when empty.', NAME),
    annotations: texts('Its annotations, for the identity of a cloud.'),
  }),
  podDisruptionBudget: object('How many pods a drain of nodes may take at a time.', {
    enabled: flag('Whether there is one.'),
    maxUnavailable: { type: 'integer', minimum: 0, description: 'That many.' },
  }),
  serviceMonitor: object('For the operator of Prometheus; its CRD must be there.', {
    enabled: flag('Whether there is one.'),
    interval: text('How often.', { pattern: '^[0-9]+(ms|s|m)$' }),
    labels: texts('Labels that the Prometheus selects by.'),
  }),
  resources: object('Of each container.', {
    requests: quantities('What is kept for it.'),
    limits: quantities('What it may use at most.'),
  }),
  podAnnotations: texts('More annotations of the pod.'),
  podLabels: texts('More labels of the pod.'),
  nodeSelector: texts('Nodes it may run on.'),
  tolerations: anyList('Taints it tolerates.'),
  affinity: anyObject('Where it had better run.'),
  topologySpreadConstraints: anyList(
    'How pods are spread; those of the hub over zones and nodes when empty.',
  ),
  priorityClassName: text('Its priority.', NAME),
  terminationGracePeriodSeconds: {
    type: 'integer',
    minimum: 5,
    description: 'How long it may take to end.',
  },
  extraEnv: anyList('More variables of the containers; secrets by `secretKeyRef`.'),
  extraVolumes: anyList('More volumes, for files that `config` names.'),
  extraVolumeMounts: anyList('Where they are mounted.'),
};

const peers = (whom: string): JsonSchema =>
  anyList(`Who may reach ${whom}, as in a NetworkPolicy; the namespace of the release when empty.`);

/** The schema without fields that the chart sets: `agents.joinListen`. */
function without(schema: JsonSchema, paths: readonly string[]): JsonSchema {
  const properties: Record<string, JsonSchema> = { ...schema.properties };
  for (const path of paths) {
    const [head = '', ...rest] = path.split('.');
    const inner = properties[head];
    if (inner === undefined) throw new Error(`the configuration has no ${path}`);
    if (rest.length === 0) delete properties[head];
    else properties[head] = without(inner, [rest.join('.')]);
  }
  const required = (schema.required ?? []).filter((name) => properties[name] !== undefined);
  const { required: _, ...others } = schema;
  return { ...others, properties, ...(required.length === 0 ? {} : { required }) };
}

/** What the charts set in the configuration themselves. */
export const SET_BY_CHART = {
  hub: [
    'dataDir',
    'secrets',
    'admin',
    'api',
    'store',
    'agents.joinListen',
    'agents.linkListen',
    'dns.listen',
    'sources.kubernetes.enabled',
    'sources.kubernetes.kubeconfig',
    'sources.kubernetes.context',
    'election.mode',
    'election.identity',
    'election.advertise',
    'election.lease',
  ],
  agent: [
    'dataDir',
    'joinTokenFile',
    'admin',
    'peer.listen',
    'dns.listen',
    'gateway.host',
    'gateway.ports',
    'kubernetes.enabled',
    'kubernetes.kubeconfig',
  ],
} as const;

function chart(
  title: string,
  program: 'hub' | 'agent',
  configuration: Parameters<typeof jsonSchemaOf>[0],
  values: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  const { root, definitions } = jsonSchemaOf(configuration);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    additionalProperties: false,
    properties: {
      ...COMMON,
      ...values,
      config: {
        ...without(root, SET_BY_CHART[program]),
        description: `\`${program}.yaml\` as docs/reference/${program}-config.md describes it, without what the chart sets itself.`,
      },
      // Helm puts these beside the values of every chart that is part of another.
      global: anyObject('Of a chart that this one is part of; not used.'),
    },
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }),
  };
}

export function hubValuesSchema(): JsonSchema {
  return chart('Values of portolan-hub', 'hub', configSchema, {
    replicas: {
      type: 'integer',
      minimum: 1,
      maximum: 9,
      description: 'Hubs. More than one needs `postgres.urlSecret` and `api.tlsSecret`; one of them leads.',
    },
    secrets: object('What only the hub may know.', {
      name: text('A Secret with `data.key` and `admin.token`.', { ...NAME, minLength: 1 }),
    }),
    postgres: object('The store; SQLite on the volume when no Secret is named.', {
      urlSecret: object('The Secret that holds the URL of the database.', {
        name: text('The Secret with the URL of the database; SQLite on a volume when empty.', NAME),
        key: text('The key in that Secret.', { minLength: 1 }),
      }),
    }),
    api: object('The API.', {
      tlsSecret: text(
        'A Secret of type `kubernetes.io/tls`. When empty, the API listens on loopback and is reached by `kubectl port-forward`.',
        NAME,
      ),
      hosts: {
        type: 'array',
        description: 'More names under which it is reached.',
        items: { type: 'string', pattern: '^[A-Za-z0-9.:_-]+$' },
      },
      service: service('the API, with `api.tlsSecret`', { optional: false, local: false }),
    }),
    agents: object('Joins and links of agents.', {
      service: service('joins and links of agents', { optional: false, local: false }),
    }),
    dns: object("The hub's own name server.", {
      service: service('the name server', { optional: true, local: true }),
    }),
    customResources: object('Custom resources as a source.', {
      enabled: flag("Read Portolan's custom resources of this cluster; deploy/crds must be there."),
    }),
    networkPolicy: object('Who may connect.', {
      enabled: flag('Deny connections that are not listed.'),
      apiFrom: peers('the API'),
      metricsFrom: peers('the metrics'),
      allowMetadata: flag('Let the hub reach the metadata server of the cloud.'),
    }),
  });
}

export function agentValuesSchema(): JsonSchema {
  return chart('Values of portolan-agent', 'agent', agentConfigSchema, {
    join: object('How it gets its identity.', {
      secretName: text('A Secret with `token`, which is used once.', { ...NAME, minLength: 1 }),
    }),
    dns: object('Its name server.', {
      service: service('the name server', { optional: true, local: true }),
    }),
    gateway: object('Its gateway.', {
      ports: {
        type: 'object',
        description: 'Port of Gateways: port in the pod, which needs no privilege.',
        propertyNames: { pattern: '^[1-9][0-9]{0,4}$' },
        additionalProperties: { type: 'integer', minimum: 1024, maximum: 65_535 },
      },
      service: service('the gateway', { optional: true, local: true }),
    }),
    peer: object('Where agents of other clusters connect.', {
      service: service('the votes of agents', { optional: true, local: false }),
    }),
    kubernetes: object('The cluster around it.', {
      enabled: flag('Serve Gateways, routes and Services of the cluster.'),
    }),
    gatewayClass: object('The class of Gateways.', {
      create: flag('Make the GatewayClass; of two agents in one cluster only one does.'),
      name: text('Name of the GatewayClass.', { ...NAME, minLength: 1 }),
    }),
    networkPolicy: object('Who may connect.', {
      enabled: flag('Deny connections that are not listed.'),
      metricsFrom: peers('the metrics'),
    }),
  });
}
