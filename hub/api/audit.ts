import { z } from 'zod';
import { objectName } from '../../src/resources/metadata.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ALL_NAMESPACES } from './permissions.ts';
import { demand } from './principal.ts';
import { auditPage, auditVerification } from './schemas.ts';

const auditQuery = z.strictObject({
  /** Only this namespace; without it the caller must be admin in all of them. */
  namespace: objectName.optional(),
  /** Entries after this sequence. */
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'a sequence number')
    .optional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'a number from 1 to 1000')
    .default('100'),
});

export const AUDIT_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'listAudit',
    method: 'GET',
    path: '/v1/audit',
    tag: 'audit',
    summary: 'Audit entries in order. `next` is the `after` of the following page.',
    access: { kind: 'somewhere', action: 'audit.read' },
    query: auditQuery,
    replies: { 200: { description: 'a page of entries', schema: auditPage } },
    handle: async ({ query, principal }, { store }) => {
      demand(principal, 'audit.read', query.namespace ?? ALL_NAMESPACES);
      const limit = Math.min(Number(query.limit), 1000);
      const items = await store.audit({
        limit,
        ...(query.after === undefined ? {} : { after: Number(query.after) }),
        ...(query.namespace === undefined ? {} : { namespace: query.namespace }),
      });
      const last = items.at(-1);
      return {
        status: 200,
        json: { items, ...(items.length === limit && last !== undefined ? { next: last.sequence } : {}) },
      };
    },
  }),
  endpoint({
    id: 'verifyAudit',
    method: 'GET',
    path: '/v1/audit/verification',
    tag: 'audit',
    summary: 'Recompute the hash chain of the audit log.',
    access: { kind: 'somewhere', action: 'audit.read' },
    replies: {
      200: { description: 'entries checked, and the first that does not fit', schema: auditVerification },
    },
    handle: async ({ principal }, { store }) => {
      demand(principal, 'audit.read', ALL_NAMESPACES);
      return { status: 200, json: await store.verifyAudit() };
    },
  }),
];
