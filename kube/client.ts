import { PortolanError } from '../src/errors/error.ts';
import { KUBE_BOUNDS, type KubeBounds } from './bounds.ts';
import { AnswerTooLong, type KubeAccess, KubeConnection } from './connection.ts';
import type {
  ApplyOptions,
  KubeClient,
  KubeListOptions,
  KubeObject,
  KubeRef,
  KubeResource,
  KubeWatchEvent,
} from './contract.ts';
import { type Asked, describe, refusalOf, silenceOf, statusShape } from './failures.ts';
import { LineCutter, LineTooLong } from './lines.ts';
import { readEvent, readObject, readPage, readResources } from './objects.ts';
import { collectionPath, groupPath, objectPath, queryOf, selectors } from './paths.ts';

export interface KubeClientConfig extends KubeAccess {
  /** Who writes, where a call does not say it. Default: `portolan`. */
  readonly fieldManager?: string;
  readonly bounds?: Partial<KubeBounds>;
  readonly random?: () => number;
  readonly monotonicMs?: () => number;
}

const JSON_OF_APPLY = 'application/apply-patch+yaml';
const JSON_OF_MERGE = 'application/merge-patch+json';

/** A client of one API server over HTTP/1.1: connections are kept and shared, each watch has its own. */
export function createKubeClient(config: KubeClientConfig): KubeClient {
  const bounds = { ...KUBE_BOUNDS, ...config.bounds };
  const random = config.random ?? Math.random;
  const monotonicMs = config.monotonicMs ?? (() => performance.now());
  const connection = new KubeConnection(config, bounds, random);
  const manager = config.fieldManager ?? 'portolan';
  const strict = { fieldManager: manager, fieldValidation: 'Strict' };
  const served = new Map<
    string,
    { readonly untilMs: number; readonly names: Promise<ReadonlySet<string>> }
  >();

  const refOf = (object: KubeObject, resource: KubeResource): KubeRef => ({
    resource,
    ...(resource.namespaced && { namespace: object.metadata.namespace ?? config.namespace }),
    name: object.metadata.name,
  });
  const askedOf = (verb: Asked['verb'], ref: KubeRef, subresource?: string): Asked => ({
    verb,
    ...ref,
    ...(subresource !== undefined && { subresource }),
  });
  const objectOf = (asked: Asked, resource: KubeResource, body: unknown): KubeObject => {
    const object = readObject(body, resource);
    if (object === undefined) throw silenceOf(asked, new Error('what it says is no object'));
    return object;
  };

  /** A resource that is gone shall not be thought there for another minute. */
  function forgetRefused(resource: KubeResource, thrown: unknown): void {
    if (thrown instanceof PortolanError && thrown.code === 'KUBERNETES_REFUSED')
      served.delete(groupPath(resource));
  }

  async function namesOf(resource: KubeResource): Promise<ReadonlySet<string>> {
    const path = groupPath(resource);
    const answer = await connection.ask({
      asked: { verb: 'get', name: path },
      method: 'GET',
      path,
      fine: 404,
    });
    return (answer.status === 404 ? undefined : readResources(answer.body)) ?? new Set();
  }

  return {
    server: config.server,
    namespace: config.namespace,

    async get(given, options) {
      const ref = within(given, config.namespace);
      const asked = askedOf('get', ref);
      const path = objectPath(ref);
      const { status, body } = await connection.ask({
        asked,
        method: 'GET',
        path,
        fine: 404,
        signal: options?.signal,
      });
      return status === 404 ? undefined : objectOf(asked, ref.resource, body);
    },

    async *list(resource, options) {
      const asked = askedOfMany('list', resource, options);
      let next: string | undefined;
      let limit = bounds.pageObjects;
      for (;;) {
        const query = queryOf({ ...selectors(options), limit: String(limit), continue: next });
        const path = `${collectionPath(resource, options.namespace)}${query}`;
        let body: unknown;
        try {
          ({ body } = await connection.ask({ asked, method: 'GET', path, signal: options.signal }));
        } catch (thrown) {
          if (!(thrown instanceof AnswerTooLong)) {
            forgetRefused(resource, thrown);
            throw thrown;
          }
          if (limit === 1) throw silenceOf(asked, thrown);
          limit = Math.max(1, Math.floor(limit / 4));
          continue;
        }
        const page = readPage(body, resource);
        if (page === undefined) throw silenceOf(asked, new Error('what it says is no list'));
        yield { items: page.items, resourceVersion: page.resourceVersion };
        next = page.next;
        if (next === undefined) return;
      }
    },

    async *watch(resource, options) {
      const asked = askedOfMany('watch', resource, options);
      const { min, max } = bounds.watchSeconds;
      const seconds = Math.round(min + random() * (max - min));
      const query = queryOf({
        ...selectors(options),
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(seconds),
      });
      const path = `${collectionPath(resource, options.namespace)}${query}`;
      const lines = new LineCutter(bounds.lineBytes);
      // Not every server sends bookmarks: without one only the end that was agreed on tells a silent watch from a dead one.
      let silenceMs = (seconds + 30) * 1_000;
      const request = { asked, method: 'GET', path, signal: options.signal } as const;
      try {
        for await (const chunk of connection.stream(request, () => silenceMs, options.onOpen)) {
          for (const line of lines.push(chunk)) {
            const event = eventOf(line, asked, resource);
            if (event.type === 'BOOKMARK') silenceMs = Math.min(silenceMs, bounds.silenceMs);
            yield event;
          }
        }
      } catch (thrown) {
        if (thrown instanceof LineTooLong) throw malformed(asked, thrown);
        forgetRefused(resource, thrown);
        throw thrown;
      }
    },

    async create(object, resource) {
      const { namespace } = refOf(object, resource);
      const asked: Asked = { verb: 'create', resource, namespace, name: object.metadata.name };
      const path = `${collectionPath(resource, namespace)}${queryOf(strict)}`;
      const { body } = await connection.ask({ asked, method: 'POST', path, body: object });
      return objectOf(asked, resource, body);
    },

    async replace(object, resource, subresource) {
      const ref = refOf(object, resource);
      const asked = askedOf('update', ref, subresource);
      const path = `${objectPath(ref, subresource)}${queryOf(strict)}`;
      const { body } = await connection.ask({ asked, method: 'PUT', path, body: object });
      return objectOf(asked, resource, body);
    },

    async apply(object, resource, options: ApplyOptions) {
      const ref = refOf(object, resource);
      const asked = askedOf('patch', ref, options.subresource);
      const query = queryOf({
        ...strict,
        fieldManager: options.fieldManager,
        force: options.force === true ? 'true' : undefined,
        dryRun: options.dryRun === true ? 'All' : undefined,
      });
      const { body } = await connection.ask({
        asked,
        method: 'PATCH',
        path: `${objectPath(ref, options.subresource)}${query}`,
        contentType: JSON_OF_APPLY,
        body: object,
      });
      return objectOf(asked, resource, body);
    },

    async merge(given, patch) {
      const ref = within(given, config.namespace);
      const asked = askedOf('patch', ref);
      const path = `${objectPath(ref)}${queryOf(strict)}`;
      const sent = { asked, method: 'PATCH', path, contentType: JSON_OF_MERGE, body: patch } as const;
      const { body } = await connection.ask(sent);
      return objectOf(asked, ref.resource, body);
    },

    async delete(given, options) {
      const ref = within(given, config.namespace);
      const uid = options?.uid;
      await connection.ask({
        asked: askedOf('delete', ref),
        method: 'DELETE',
        path: objectPath(ref),
        fine: 404,
        ...(uid !== undefined && {
          body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } },
        }),
      });
    },

    async serves(resource) {
      const key = groupPath(resource);
      const known = served.get(key);
      if (known !== undefined && known.untilMs > monotonicMs())
        return (await known.names).has(resource.plural);
      const names = namesOf(resource);
      const [oldest] = served.keys();
      if (served.size >= bounds.served && oldest !== undefined) served.delete(oldest);
      served.set(key, { untilMs: monotonicMs() + bounds.servedMs, names });
      try {
        return (await names).has(resource.plural);
      } catch (thrown) {
        if (served.get(key)?.names === names) served.delete(key);
        throw thrown;
      }
    },

    whenBack: (task) => connection.whenBack(task),

    async json(path) {
      return (await connection.ask({ asked: { verb: 'get', name: path }, method: 'GET', path })).body;
    },
  };
}

/** Of the objects that one name selects, RBAC asks by that name. */
function askedOfMany(
  verb: 'list' | 'watch',
  resource: KubeResource,
  { namespace, fieldSelector, follows }: KubeListOptions,
): Asked {
  const [, name] = /^metadata\.name=([^,]+)$/.exec(fieldSelector ?? '') ?? [];
  return {
    ...{ verb, resource, namespace },
    ...(name !== undefined && { name }),
    ...(follows !== undefined && { follows }),
  };
}

/** The namespace that is meant when none is given. */
function within(ref: KubeRef, namespace: string): KubeRef {
  return ref.resource.namespaced && ref.namespace === undefined ? { ...ref, namespace } : ref;
}

/** Not KUBERNETES_UNAVAILABLE: the same would come again from the same version, so whoever follows must list anew. */
function malformed(asked: Asked, cause: unknown): PortolanError {
  return new PortolanError('KUBERNETES_GONE', `${describe(asked)}: an event of the watch cannot be read`, {
    cause,
  });
}

function eventOf(line: string, asked: Asked, resource: KubeResource): KubeWatchEvent {
  const event = readEvent(line);
  if (event === undefined) throw malformed(asked, new Error('no event of a watch'));
  const { type } = event;
  if (type === 'ERROR') {
    const status = statusShape.safeParse(event.object);
    throw refusalOf(asked, (status.success ? status.data.code : undefined) ?? 500, event.object);
  }
  const object = readObject(event.object, resource);
  if (object === undefined) throw malformed(asked, new Error(`an event ${type} without an object`));
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK')
    return { type, object };
  throw malformed(asked, new Error(`an event of the unknown type ${type}`));
}
