import { z } from 'zod';
import { objectName } from '../../src/resources/metadata.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ALL_NAMESPACES } from './permissions.ts';
import { demand } from './principal.ts';
import { usageList } from './schemas.ts';

const name = z.string().min(1).max(1_024);
const instant = z.iso.datetime({ offset: true });

const usageQuery = z.strictObject({
  /** Only this namespace's keys and routes; without it the caller must be allowed in all of them. */
  namespace: objectName.optional(),
  principal: name.optional(),
  /** Public id of an API key. */
  key: name.optional(),
  /** `namespace/name` */
  route: name.optional(),
  metric: name.optional(),
  /** `namespace/name` */
  cluster: name.optional(),
  /** Minutes that start at or after this. */
  from: instant.optional(),
  /** Minutes that start before this. */
  to: instant.optional(),
  by: z.enum(['minute', 'total']).default('total'),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'a number from 1 to 9999')
    .default('100'),
});

export const USAGE_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'listUsage',
    method: 'GET',
    path: '/v1/usage',
    tag: 'gateway',
    summary:
      'Hits that gateways let pass, by account: a row for the whole time, or one per minute, newest first.',
    access: { kind: 'somewhere', action: 'usage.read' },
    query: usageQuery,
    replies: { 200: { description: 'rows of usage', schema: usageList } },
    handle: async ({ query, principal }, { store }) => {
      demand(principal, 'usage.read', query.namespace ?? ALL_NAMESPACES);
      const rows = await store.usage({
        by: query.by,
        limit: Number(query.limit),
        ...(query.namespace === undefined ? {} : { namespace: query.namespace }),
        ...(query.principal === undefined ? {} : { principal: query.principal }),
        ...(query.key === undefined ? {} : { keyId: query.key }),
        ...(query.route === undefined ? {} : { route: query.route }),
        ...(query.metric === undefined ? {} : { metric: query.metric }),
        ...(query.cluster === undefined ? {} : { cluster: query.cluster }),
        ...(query.from === undefined ? {} : { fromSeconds: Math.ceil(Date.parse(query.from) / 1000) }),
        ...(query.to === undefined ? {} : { toSeconds: Math.ceil(Date.parse(query.to) / 1000) }),
      });
      const items = rows.map(({ minuteSeconds, keyId, ...rest }) => ({
        ...rest,
        ...(keyId === '' ? {} : { key: keyId }),
        ...(minuteSeconds === undefined ? {} : { minute: new Date(minuteSeconds * 1000).toISOString() }),
      }));
      return { status: 200, json: { items } };
    },
  }),
];
