import { PortolanError } from '../errors/error.ts';
import { type AnyResource, KINDS, type Kind, type Resource, storedVersion } from '../resources/catalogue.ts';
import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';
import { keyOf, type ObjectName } from './object-name.ts';
import { isResource, isResourceOf } from './stored.ts';
import { type WatchedChange, type WatchOptions, type WatchTransport, watchChanges } from './watch.ts';
import { queryOf, type WriteOptions } from './write-options.ts';

type Schemas = components['schemas'];
export type Plan = Schemas['Plan'];
export type PlannedDocument = Schemas['PlannedDocument'];

export interface Documents {
  /** As they stand in the file: the hub validates them. */
  readonly documents?: readonly unknown[];
  readonly delete?: readonly (ObjectName & { readonly kind: Kind })[];
}

export interface Applied {
  readonly revision: number;
  readonly documents: readonly PlannedDocument[];
  readonly objects: readonly AnyResource[];
  readonly warnings: readonly string[];
}

export interface ObjectList<K extends Kind> {
  readonly items: readonly Resource<K>[];
  /** Watch from here to miss nothing. */
  readonly revision: number;
}

/** Objects of every kind: one by one, as documents, and as they change. */
export interface ObjectCalls {
  /** All namespaces when none is given. */
  list<K extends Kind>(kind: K, namespace?: string): Promise<ObjectList<K>>;
  /** `undefined` when there is none. */
  get<K extends Kind>(kind: K, object: ObjectName): Promise<Resource<K> | undefined>;
  create(kind: Kind, object: ObjectName, document: unknown, options?: WriteOptions): Promise<AnyResource>;
  /** Conditional when the document has metadata.resourceVersion. */
  replace(kind: Kind, object: ObjectName, document: unknown, options?: WriteOptions): Promise<AnyResource>;
  /** The object as it last was; with a deletionTimestamp while finalizers remain. */
  delete(
    kind: Kind,
    object: ObjectName,
    options?: WriteOptions & { readonly resourceVersion?: string },
  ): Promise<AnyResource>;
  /** One kind, or every kind the token may see; one namespace or all. */
  watch(
    scope: { readonly kind?: Kind; readonly namespace?: string },
    options: WatchOptions,
  ): AsyncIterable<WatchedChange>;
  plan(documents: Documents): Promise<Plan>;
  /** All of the documents or none. */
  apply(documents: Documents, options?: WriteOptions): Promise<Applied>;
}

/** @param sleep before a watch is opened again */
export function objectCalls(
  { server, raw, send, sendUnbounded, answer, checked }: Connection,
  sleep: WatchTransport['sleep'],
): ObjectCalls {
  const object = async (
    method: string,
    path: string,
    query: URLSearchParams,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> => {
    const url = `${server}${path}${query.size === 0 ? '' : `?${query.toString()}`}`;
    const init: RequestInit = {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await send(new Request(url, init));
    return response.json();
  };
  const written = async (...call: Parameters<typeof object>): Promise<AnyResource> =>
    checked(await object(...call), isResource);

  return {
    list: async (kind, namespace) => {
      const list = await object('GET', collection(kind, namespace), new URLSearchParams());
      return listOf(kind, list, checked);
    },
    get: async (kind, name) => {
      try {
        const found = await object('GET', one(kind, name), new URLSearchParams());
        return checked(found, (value) => isResourceOf(kind, value));
      } catch (thrown) {
        if (thrown instanceof PortolanError && thrown.code === 'NOT_FOUND') return undefined;
        throw thrown;
      }
    },
    create: (kind, name, document, write) =>
      written('POST', collection(kind, name.namespace), writeQuery(write), document),
    replace: (kind, name, document, write) => written('PUT', one(kind, name), writeQuery(write), document),
    delete: (kind, name, { resourceVersion, ...write } = {}) =>
      written(
        'DELETE',
        one(kind, name),
        writeQuery(write),
        undefined,
        resourceVersion === undefined ? {} : { 'if-match': `"${resourceVersion}"` },
      ),
    watch: (scope, watchOptions) =>
      watchChanges(
        {
          server,
          sleep,
          open: (lastEventId, signal) => {
            // The header also says where in a commit; a hub that does not know such ids goes by the revision.
            const [resourceVersion] = lastEventId?.split('.') ?? [];
            const query = new URLSearchParams(resourceVersion === undefined ? {} : { resourceVersion });
            if (scope.kind === undefined && scope.namespace !== undefined)
              query.set('namespace', scope.namespace);
            const path = scope.kind === undefined ? '/v1/watch' : collection(scope.kind, scope.namespace);
            const headers = {
              accept: 'text/event-stream',
              ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
            };
            return sendUnbounded(new Request(`${server}${path}?${query.toString()}`, { headers, signal }));
          },
        },
        watchOptions,
      ),
    plan: async ({ documents = [], delete: gone = [] }) =>
      answer(await raw.POST('/v1/plan', { body: { documents: [...documents], delete: gone.map(keyOf) } })),
    apply: async ({ documents = [], delete: gone = [] }, write) => {
      const result = answer(
        await raw.POST('/v1/apply', {
          params: { query: queryOf(write) },
          body: { documents: [...documents], delete: gone.map(keyOf) },
        }),
      );
      return { ...result, objects: result.objects.map((value) => checked(value, isResource)) };
    },
  };
}

function listOf<K extends Kind>(kind: K, value: unknown, checked: Connection['checked']): ObjectList<K> {
  const list = checked(value, isList);
  const version: unknown =
    'metadata' in list &&
    typeof list.metadata === 'object' &&
    list.metadata !== null &&
    'resourceVersion' in list.metadata
      ? list.metadata.resourceVersion
      : undefined;
  const isOne = (item: unknown): item is Resource<K> => isResourceOf(kind, item);
  return { items: list.items.map((item) => checked(item, isOne)), revision: Number(version) };
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items);
}

function collection(kind: Kind, namespace: string | undefined): string {
  return `/apis/${storedVersion(kind)}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${KINDS[kind].plural}`;
}

function one(kind: Kind, { namespace, name }: ObjectName): string {
  return `${collection(kind, namespace)}/${encodeURIComponent(name)}`;
}

function writeQuery(write: WriteOptions | undefined): URLSearchParams {
  return new URLSearchParams(Object.entries(queryOf(write)));
}
