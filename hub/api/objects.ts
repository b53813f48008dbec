import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import {
  type AnyResource,
  INPUT_SCHEMAS,
  KIND_NAMES,
  KINDS,
  type Kind,
  storedVersion,
} from '../../src/resources/catalogue.ts';
import { type ParsedInput, parseResource } from '../../src/resources/validate.ts';
import type { Actor, CommitOptions, Key } from '../store/contract.ts';
import { type ApiContext, type ApiRequest, type Endpoint, endpoint, type Reply } from './endpoint.ts';
import { despiteLostRaces } from './lost-race.ts';
import { ALL_NAMESPACES, may } from './permissions.ts';
import { demand, type Principal } from './principal.ts';
import { listSchema, objectSchema } from './schemas.ts';
import type { ChangeContext } from './services.ts';
import { watchEvents } from './watch.ts';
import {
  admitOrThrow,
  anyObject,
  deletionOf,
  demandClaim,
  demandReach,
  notFound,
  presentable,
  type Write,
  writeOf,
} from './writes.ts';

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

export const writeQuery = z.strictObject({
  /** Everything is checked, nothing is stored. */
  dryRun: flag,
  /** Overrides LAST_CAPACITY and CHANGE_BUDGET_EXCEEDED; takes the admin role and a reason. */
  force: flag,
  reason: z.string().min(1).max(500).optional(),
});

/** Of a write to an object that a source may set. */
export const objectWriteQuery = writeQuery.extend({
  /** Takes an object from the source that sets it (MANAGED_ELSEWHERE); takes the admin role and a reason. */
  takeOver: flag,
});

export const listQuery = z.strictObject({
  /** Stream changes as server-sent events instead of listing. */
  watch: flag,
  /** With `watch`: only changes after this revision. */
  resourceVersion: z
    .string()
    .regex(/^\d{1,15}$/, 'a revision as a list returned it')
    .optional(),
});

/** List, get, create, replace, delete for every kind: the same five operations from one table. */
export const OBJECT_ENDPOINTS: readonly Endpoint[] = KIND_NAMES.flatMap(endpointsOf);

function endpointsOf(kind: Kind): readonly Endpoint[] {
  const { plural, summary } = KINDS[kind];
  const collection = `/apis/${storedVersion(kind)}`;
  const inNamespace = `${collection}/namespaces/{namespace}/${plural}`;
  const one = `${inNamespace}/{name}`;
  const common = { tag: plural } as const;
  const readable = { description: `the ${kind}`, schema: objectSchema(kind) };
  const body = {
    schema: INPUT_SCHEMAS[kind],
    parse: (value: unknown, params: Readonly<Record<string, string>>): ParsedInput =>
      parseForPath(kind, value, params),
  };
  return [
    endpoint({
      ...common,
      id: `list${kind}All`,
      method: 'GET',
      path: `${collection}/${plural}`,
      summary: `List or watch every ${kind} (${summary}) the caller may see.`,
      access: { kind: 'somewhere', action: `${kind}.read` },
      query: listQuery,
      replies: { 200: { description: 'the list, or an event stream', schema: listSchema(kind) } },
      handle: (request, context) => listOrWatch(kind, undefined, request, context),
    }),
    endpoint({
      ...common,
      id: `list${kind}`,
      method: 'GET',
      path: inNamespace,
      summary: `List or watch the ${kind} objects of a namespace.`,
      access: { kind: 'namespace', action: `${kind}.read` },
      query: listQuery,
      replies: { 200: { description: 'the list, or an event stream', schema: listSchema(kind) } },
      handle: (request, context) => listOrWatch(kind, request.params.namespace, request, context),
    }),
    endpoint({
      ...common,
      id: `get${kind}`,
      method: 'GET',
      path: one,
      summary: `Read one ${kind}.`,
      access: { kind: 'namespace', action: `${kind}.read` },
      replies: { 200: readable },
      handle: async ({ params }, { store }) => {
        const key = keyIn(kind, params);
        const object = await anyObject(store, key);
        if (object === undefined) throw notFound(key);
        return objectReply(200, object);
      },
    }),
    endpoint({
      ...common,
      id: `create${kind}`,
      method: 'POST',
      path: inNamespace,
      summary: `Create a ${kind}.`,
      access: { kind: 'namespace', action: `${kind}.write` },
      query: objectWriteQuery,
      body,
      replies: { 201: readable },
      handle: (request, context) =>
        write(201, request, context, () => writeOf(request.body, 'create', context.store)),
    }),
    endpoint({
      ...common,
      id: `replace${kind}`,
      method: 'PUT',
      path: one,
      summary: `Replace a ${kind}. metadata.resourceVersion or If-Match makes it conditional.`,
      access: { kind: 'namespace', action: `${kind}.write` },
      query: objectWriteQuery,
      body,
      replies: { 200: readable },
      handle: (request, context) => {
        const wanted = ifMatch(request.header('if-match'));
        const input = request.body;
        const pinned: ParsedInput =
          wanted === undefined
            ? input
            : { ...input, metadata: { ...input.metadata, resourceVersion: wanted } };
        return write(200, request, context, () =>
          writeOf(pinned, 'replace', context.store, request.query.takeOver),
        );
      },
    }),
    endpoint({
      ...common,
      id: `delete${kind}`,
      method: 'DELETE',
      path: one,
      summary: `Delete a ${kind}. It stays with a deletionTimestamp while finalizers remain.`,
      access: { kind: 'namespace', action: `${kind}.write` },
      query: objectWriteQuery,
      replies: { 200: { description: `the ${kind} as it last was`, schema: objectSchema(kind) } },
      handle: (request, context) =>
        write(200, request, context, () =>
          deletionOf(keyIn(kind, request.params), context.store, ifMatch(request.header('if-match'))),
        ),
    }),
  ];
}

type WriteRequest = Pick<
  ApiRequest<z.output<typeof objectWriteQuery>, unknown>,
  'params' | 'query' | 'principal' | 'actor'
>;

async function write(
  status: 200 | 201,
  request: WriteRequest,
  context: ApiContext,
  prepare: () => Promise<Write>,
): Promise<Reply> {
  const change = changeContext(request.query, request.actor);
  if (change.force) demand(request.principal, 'force', request.params.namespace ?? ALL_NAMESPACES);
  return context.lane.run(() =>
    despiteLostRaces(context.store, async (commit) => {
      const one = await prepare();
      demandReach(request.principal, one);
      demandClaim(request.principal, one, change, context.services);
      const warnings = await admitOrThrow([one], change, context.services);
      const { objects } = await commit([one.change], commitOptions(change));
      const object = objects[0];
      if (object === undefined)
        throw new PortolanError('INTERNAL', 'the store returned no object for a write');
      return objectReply(status, object, warnings);
    }),
  );
}

/** @throws PortolanError VALIDATION_FAILED when forced or taken over without a reason */
export function changeContext(
  query: z.output<typeof writeQuery> & { readonly takeOver?: boolean },
  actor: Actor,
): ChangeContext {
  const { dryRun, force, takeOver = false, reason } = query;
  if ((force || takeOver) && reason === undefined) {
    const violation = {
      path: 'reason',
      code: 'VALIDATION_FAILED',
      message: `is required with ${force ? 'force' : 'takeOver'}`,
      fix: 'Say why, for the audit log: &reason=….',
    } as const;
    throw new PortolanError('VALIDATION_FAILED', `reason ${violation.message}`, {
      violations: [violation],
      fix: violation.fix,
    });
  }
  return {
    actor,
    dryRun,
    force,
    ...(takeOver ? { takeOver } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

export function commitOptions(change: ChangeContext): CommitOptions {
  const how = [...(change.force ? ['forced'] : []), ...(change.takeOver === true ? ['taken over'] : [])];
  const note = how.length > 0 ? `${how.join(', ')}: ${change.reason ?? ''}` : change.reason;
  return { actor: change.actor, dryRun: change.dryRun, ...(note === undefined ? {} : { reason: note }) };
}

function objectReply(status: number, object: AnyResource, warnings: readonly string[] = []): Reply {
  return {
    status,
    json: presentable(object),
    headers: {
      etag: `"${object.metadata.resourceVersion}"`,
      // RFC 9110 has no general warning field any more; this one is read by the CLI and shown on stderr.
      ...(warnings.length === 0 ? {} : { 'portolan-warnings': asciiJson(warnings) }),
    },
  };
}

/** JSON with everything beyond ASCII escaped, as a header field needs it. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

async function listOrWatch(
  kind: Kind,
  namespace: string | undefined,
  request: Pick<ApiRequest<z.output<typeof listQuery>, unknown>, 'query' | 'principal' | 'header' | 'signal'>,
  context: ApiContext,
): Promise<Reply> {
  const { query, principal, signal } = request;
  const scope = { kind, ...(namespace === undefined ? {} : { namespace }) };
  if (query.watch || request.header('accept')?.includes('text/event-stream') === true) {
    return {
      status: 200,
      events: watchEvents(
        { ...scope, principal, signal, ...startOf(query.resourceVersion, request.header('last-event-id')) },
        context,
      ),
    };
  }
  const { items, revision } = await context.store.list(scope);
  return {
    status: 200,
    json: {
      apiVersion: storedVersion(kind),
      kind: `${kind}List`,
      metadata: { resourceVersion: String(revision) },
      items: visible(items, principal).map(presentable),
    },
  };
}

/** Where a watch starts: what a reconnecting reader saw last wins over what it asked for first. */
export function startOf(
  resourceVersion: string | undefined,
  lastEventId: string | undefined,
): { readonly fromRevision?: number; readonly fromPosition?: number } {
  const [, revision, position] = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(lastEventId ?? '') ?? [];
  if (revision !== undefined) {
    return {
      fromRevision: Number(revision),
      ...(position === undefined ? {} : { fromPosition: Number(position) }),
    };
  }
  return resourceVersion === undefined ? {} : { fromRevision: Number(resourceVersion) };
}

function visible(items: readonly AnyResource[], principal: Principal): readonly AnyResource[] {
  return items.filter((object) => may(principal.bindings, `${object.kind}.read`, object.metadata.namespace));
}

function keyIn(kind: Kind, params: Readonly<Record<string, string>>): Key {
  return { kind, namespace: params.namespace ?? '', name: params.name ?? '' };
}

/** The path says namespace (and name); the body may repeat them and must not contradict. */
function parseForPath(kind: Kind, value: unknown, params: Readonly<Record<string, string>>): ParsedInput {
  const filled = withPathDefaults(kind, value, params);
  const input = parseResource(filled, kind);
  for (const field of ['namespace', 'name'] as const) {
    const wanted = params[field];
    if (wanted !== undefined && input.metadata[field] !== wanted) {
      const violation = {
        path: `metadata.${field}`,
        code: 'VALIDATION_FAILED',
        message: `is "${input.metadata[field]}", but the path says "${wanted}"`,
        fix: `Write "${wanted}", or call the path of the other object.`,
      } as const;
      throw new PortolanError('VALIDATION_FAILED', `${violation.path} ${violation.message}`, {
        violations: [violation],
        fix: violation.fix,
      });
    }
  }
  return input;
}

function withPathDefaults(kind: Kind, value: unknown, params: Readonly<Record<string, string>>): unknown {
  if (!isMapping(value)) return value;
  const { metadata = {} } = value;
  if (!isMapping(metadata)) return { apiVersion: storedVersion(kind), kind, ...value };
  return { apiVersion: storedVersion(kind), kind, ...value, metadata: { ...params, ...metadata } };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `If-Match: "123"`, as the ETag of a read. `*` asks for nothing beyond existence, which PUT and DELETE ask anyway. */
function ifMatch(header: string | undefined): string | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(header.trim())?.[1];
  if (version === undefined) {
    throw new PortolanError(
      'VALIDATION_FAILED',
      `If-Match ${JSON.stringify(header.slice(0, 60))} is no ETag of this API`,
      { fix: 'Send the ETag of a read, such as "123" with its quotes.' },
    );
  }
  return version;
}
