import { z } from 'zod';
import type { Actor, Key } from '../store/contract.ts';
import { type ApiContext, type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { changeContext, objectWriteQuery, writeQuery } from './objects.ts';
import { type Action, ALL_NAMESPACES } from './permissions.ts';
import { demand, type Principal } from './principal.ts';
import { clusterAction, clusterToken } from './schemas.ts';
import type { ChangeContext, ClusterActionResult } from './services.ts';
import { deletionOf, demandClaim } from './writes.ts';

const base = '/v1/clusters/{namespace}/{name}';
const tokenBody = z
  .strictObject({ ttlSeconds: z.number().int().min(60).max(3600).default(900) })
  .meta({ id: 'ClusterTokenInput' });
const drainBody = z
  .strictObject({
    reason: z.string().max(500).default(''),
    /** RFC 3339; the drain ends by itself then. */
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  })
  .meta({ id: 'DrainInput' });

/** Commands on a cluster that are more than writing its object. */
export const CLUSTER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'createClusterToken',
    method: 'POST',
    path: `${base}/token`,
    tag: 'clusters',
    summary: 'Create a join token: single use, at most an hour, bound to this cluster.',
    access: { kind: 'namespace', action: 'cluster.token' },
    body: optional(tokenBody),
    replies: { 201: { description: 'the token, shown once', schema: clusterToken } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 201,
      json: await services.clusterToken(clusterKey(params), { ttlSeconds: body.ttlSeconds, actor }),
    }),
  }),
  endpoint({
    id: 'drainCluster',
    method: 'POST',
    path: `${base}/drain`,
    tag: 'clusters',
    summary: 'Take the cluster out of answers on purpose.',
    access: { kind: 'namespace', action: 'cluster.drain' },
    query: writeQuery,
    body: optional(drainBody),
    replies: { 200: { description: 'what is true now', schema: clusterAction } },
    handle: (request, context) =>
      act(request, context, (key, change) => {
        const { reason, expiresAt } = request.body;
        return context.services.drain(key, {
          ...change,
          ...(change.reason === undefined && reason !== '' ? { reason } : {}),
          ...(expiresAt === undefined ? {} : { expiresAt }),
        });
      }),
  }),
  simple(
    'undrain',
    'cluster.drain',
    'Put a drained cluster back into answers.',
    (context) => context.services.undrain,
  ),
  simple(
    'remove',
    'cluster.remove',
    'Drain the cluster, revoke its agent, and delete it.',
    (context) => context.services.remove,
  ),
];

type Method = (cluster: Key<'Cluster'>, options: ChangeContext) => Promise<ClusterActionResult>;

function simple(
  verb: 'undrain' | 'remove',
  action: Action,
  summary: string,
  method: (context: ApiContext) => Method,
): Endpoint {
  return endpoint({
    id: `${verb}Cluster`,
    method: 'POST',
    path: `${base}/${verb}`,
    tag: 'clusters',
    summary,
    access: { kind: 'namespace', action },
    // What is removed may be a source's; to take a cluster back is nobody's but a person's.
    query: verb === 'remove' ? objectWriteQuery : writeQuery,
    replies: { 200: { description: 'what is true now', schema: clusterAction } },
    handle: (request, context) =>
      act(request, context, async (key, change) => {
        if (verb === 'remove') {
          const deletion = await deletionOf(key, context.store, undefined);
          demandClaim(request.principal, deletion, change, context.services);
        }
        return method(context).call(context.services, key, change);
      }),
  });
}

interface ActRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: z.output<typeof writeQuery>;
  readonly principal: Principal;
  readonly actor: Actor;
}

async function act(request: ActRequest, context: ApiContext, work: Method) {
  const change = changeContext(request.query, request.actor);
  if (change.force) demand(request.principal, 'force', request.params.namespace ?? ALL_NAMESPACES);
  const json = await context.lane.run(() => work(clusterKey(request.params), change));
  return { status: 200, json };
}

function clusterKey(params: Readonly<Record<string, string>>): Key<'Cluster'> {
  return { kind: 'Cluster', namespace: params.namespace ?? '', name: params.name ?? '' };
}

/** A body that may be left out. */
function optional<S extends z.ZodType>(schema: S) {
  const read = jsonBody(schema);
  return { schema, parse: (value: unknown) => read.parse(value ?? {}) };
}
