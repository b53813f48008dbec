import { z } from 'zod';
import { objectName } from '../../src/resources/metadata.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { listQuery, startOf } from './objects.ts';
import { may } from './permissions.ts';
import type { Principal } from './principal.ts';
import { hubStatus, readiness } from './schemas.ts';
import type { HubStatus } from './services.ts';
import { watchEvents } from './watch.ts';

/** The hub itself: what it knows, and whether it lives. */
export const SYSTEM_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'status',
    method: 'GET',
    path: '/v1/status',
    tag: 'system',
    summary:
      'Name servers, agents and health states with their explanations, of the namespaces the caller may see.',
    access: { kind: 'somewhere', action: 'status.read' },
    replies: { 200: { description: 'the status', schema: hubStatus } },
    handle: async ({ principal }, { services }) => ({
      status: 200,
      json: visibleTo(principal, await services.status()),
    }),
  }),
  endpoint({
    id: 'watchAll',
    method: 'GET',
    path: '/v1/watch',
    tag: 'system',
    summary: 'Changes of every kind as server-sent events, of the objects the caller may see.',
    access: { kind: 'somewhere', action: 'status.read' },
    query: listQuery.omit({ watch: true }).extend({ namespace: objectName.optional() }),
    replies: { 200: { description: 'the events', schema: z.string(), contentType: 'text/event-stream' } },
    handle: async ({ query, principal, header, signal }, context) => ({
      status: 200,
      events: watchEvents(
        {
          principal,
          signal,
          ...(query.namespace === undefined ? {} : { namespace: query.namespace }),
          ...startOf(query.resourceVersion, header('last-event-id')),
        },
        context,
      ),
    }),
  }),
  endpoint({
    id: 'metrics',
    method: 'GET',
    path: '/metrics',
    tag: 'system',
    summary: 'Prometheus metrics.',
    access: { kind: 'somewhere', action: 'metrics.read' },
    replies: {
      200: {
        description: 'text exposition format',
        schema: z.string(),
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
      },
    },
    handle: async (_request, { services }) => ({
      status: 200,
      text: await services.metrics(),
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
    }),
  }),
  endpoint({
    id: 'healthz',
    method: 'GET',
    path: '/healthz',
    tag: 'system',
    summary: 'The process answers.',
    access: { kind: 'public' },
    replies: { 200: { description: '"ok"', schema: z.string(), contentType: 'text/plain; charset=utf-8' } },
    handle: async () => ({ status: 200, text: 'ok\n', contentType: 'text/plain; charset=utf-8' }),
  }),
  endpoint({
    id: 'readyz',
    method: 'GET',
    path: '/readyz',
    tag: 'system',
    summary: 'The hub can do its work: 200 when it can, 503 with the reasons when not.',
    access: { kind: 'public' },
    replies: {
      200: { description: 'ready', schema: readiness },
      503: { description: 'not ready', schema: readiness },
    },
    handle: async (_request, { services }) => {
      const readinessNow = await services.ready();
      return { status: readinessNow.ready ? 200 : 503, json: readinessNow };
    },
  }),
];

/** Only what lies in namespaces the caller has a role in. Clusters are named `namespace/name`. */
function visibleTo(principal: Principal, status: HubStatus): HubStatus {
  const sees = (cluster: string): boolean =>
    may(principal.bindings, 'status.read', cluster.slice(0, Math.max(0, cluster.indexOf('/'))));
  return {
    ...status,
    nameServers: status.nameServers.filter((s) => s.cluster === undefined || sees(s.cluster)),
    agents: status.agents.filter((a) => sees(a.cluster)),
    targets: status.targets.filter((t) => sees(t.cluster)),
  };
}
