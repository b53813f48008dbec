import { z } from 'zod';
import { KIND_NAMES } from '../../src/resources/catalogue.ts';
import { objectName } from '../../src/resources/metadata.ts';
import type { HeldChange, SourceStatus } from '../sources/contract.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { ALL_NAMESPACES, may } from './permissions.ts';
import { demand, type Principal } from './principal.ts';

const text = z.string();
const maybe = text.exactOptional();
const count = z.number();
const sourceName = z.enum(['git-folder', 'kubernetes']);
const kind = z.enum(KIND_NAMES);
const key = z.object({ kind, namespace: text, name: text });

const shownStatus: z.ZodType<SourceStatus> = z
  .object({
    source: sourceName,
    at: text.describe("The folder, or the API server's address."),
    ready: z.boolean(),
    lastPassAt: maybe,
    revision: maybe.describe('What was read: a Git commit where the folder is a checkout, else a digest.'),
    objects: z.object({ applied: count, conflict: count, held: count, refused: count, failed: count }),
    problems: z.array(z.object({ origin: text, object: maybe, message: text, fix: maybe })),
    unmanaged: z.array(text).exactOptional().describe('Objects that no source sets.'),
  })
  .meta({ id: 'SourceStatus' });
const shownHeld = z
  .object({
    id: text.describe('Of this change and no other; all removals that are too many for one pass share one.'),
    source: sourceName,
    key,
    verb: z.enum(['create', 'update', 'delete']),
    origin: text,
    violations: z.array(z.object({ path: text, code: text, message: text, fix: text })),
    since: text,
  })
  .meta({ id: 'HeldChange' });
const statuses = z.object({ items: z.array(shownStatus) }).meta({ id: 'SourceStatusList' });
const heldList = z.object({ items: z.array(shownHeld) }).meta({ id: 'HeldChangeList' });
const approval = z
  .strictObject({ reason: text.min(1).max(500).describe('Why; for the audit log.') })
  .meta({ id: 'SourceApproval' });
const approved = z.object({ id: text, changes: z.array(key) }).meta({ id: 'SourceApproved' });
const giveBack = z
  .strictObject({
    kind,
    namespace: objectName.default('default'),
    name: objectName,
    reason: text.min(1).max(500).optional(),
  })
  .meta({ id: 'SourceReturn' });
const givenBack = z.object({ source: sourceName }).meta({ id: 'SourceReturned' });

/** What sets objects besides the API: how it fares, and what waits for an admin. */
export const SOURCE_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'listSources',
    method: 'GET',
    path: '/v1/sources',
    tag: 'sources',
    summary: 'Sources of objects (a Git folder, Kubernetes) and what became of what they say.',
    access: { kind: 'somewhere', action: 'source.read' },
    replies: { 200: { description: 'the sources of this hub', schema: statuses } },
    handle: async ({ principal }, { services }) => ({
      status: 200,
      json: { items: services.sources.statuses.map((status) => visibleTo(principal, status)) },
    }),
  }),
  endpoint({
    id: 'listHeldChanges',
    method: 'GET',
    path: '/v1/sources/held',
    tag: 'sources',
    summary: 'Changes of sources that a guard refuses until an admin approves them.',
    access: { kind: 'somewhere', action: 'source.read' },
    replies: { 200: { description: 'what is held', schema: heldList } },
    handle: async ({ principal }, { services }) => ({
      status: 200,
      json: {
        items: services.sources.held.filter((held) =>
          may(principal.bindings, 'source.read', held.key.namespace),
        ),
      },
    }),
  }),
  endpoint({
    id: 'approveHeldChange',
    method: 'POST',
    path: '/v1/sources/held/{id}/approve',
    tag: 'sources',
    summary: 'Let one held change through, now; what a guard says against it is overridden.',
    access: { kind: 'somewhere', action: 'force' },
    body: jsonBody(approval),
    replies: { 200: { description: 'what was let through', schema: approved } },
    handle: async ({ params, body, principal, actor }, { services }) => {
      const id = params.id ?? '';
      const changes = services.sources.held.filter((held) => held.id === id);
      // Who may not see it is not told whether it is there.
      if (changes.length === 0) demand(principal, 'force', ALL_NAMESPACES);
      for (const change of changes) demand(principal, 'force', change.key.namespace);
      await services.sources.approve(id, actor, body.reason);
      return { status: 200, json: { id, changes: changes.map((change: HeldChange) => change.key) } };
    },
  }),
  endpoint({
    id: 'returnToSource',
    method: 'POST',
    path: '/v1/sources/return',
    tag: 'sources',
    summary: 'End a take-over: the source that wants the object sets it again.',
    access: { kind: 'somewhere', action: 'force' },
    body: jsonBody(giveBack),
    replies: { 200: { description: 'who sets it from now on', schema: givenBack } },
    handle: async ({ body, principal, actor }, { services }) => {
      demand(principal, 'force', body.namespace);
      const { reason, ...object } = body;
      return { status: 200, json: { source: await services.sources.giveBack(object, actor, reason) } };
    },
  }),
];

/** Problems of objects in namespaces that the caller may see; what is about files as such is shown to whom everything is. */
function visibleTo(principal: Principal, status: SourceStatus): SourceStatus {
  const sees = (object: string | undefined): boolean => {
    const namespace = /^\S+ ([^/]*)\//.exec(object ?? '')?.[1] ?? ALL_NAMESPACES;
    return may(principal.bindings, 'source.read', namespace);
  };
  const { problems, unmanaged, ...rest } = status;
  return {
    ...rest,
    problems: problems.filter(({ object }) => sees(object)),
    ...(unmanaged === undefined ? {} : { unmanaged: unmanaged.filter(sees) }),
  };
}
