import { z } from 'zod';
import { PortolanError } from '../src/errors/error.ts';
import type { ApplyOptions, KubeClient, KubeObject, KubeResource } from './contract.ts';

const manifest = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({ name: z.string().min(1), namespace: z.string().optional() }),
});

const resources = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

/** What others need there before them. */
const FIRST = ['Namespace', 'CustomResourceDefinition', 'ServiceAccount', 'Secret', 'ConfigMap'];

/** An object as somebody wrote it, with the parts that every object has. @throws PortolanError VALIDATION_FAILED */
export function manifestOf(value: unknown): KubeObject {
  const read = manifest.safeParse(value);
  if (read.success) return z.custom<KubeObject>().parse(read.data);
  throw new PortolanError(
    'VALIDATION_FAILED',
    'a document is no Kubernetes object: it needs apiVersion, kind and metadata.name',
  );
}

/**
 * Applies objects of whatever kind (server-side apply), what others need first; a kind that the server does not have is refused by name before anything is written.
 * @returns what the server keeps now, in the order of application
 * @throws PortolanError KUBERNETES_REFUSED (with the object), KUBERNETES_FORBIDDEN, KUBERNETES_UNAVAILABLE
 */
export async function applyManifests(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: ApplyOptions,
): Promise<readonly KubeObject[]> {
  const kinds = new Map<string, Promise<KubeResource | undefined>>();
  const resourceOf = async (object: KubeObject): Promise<KubeResource> => {
    const key = `${object.apiVersion} ${object.kind}`;
    const known = kinds.get(key) ?? find(client, object);
    kinds.set(key, known);
    const found = await known;
    if (found !== undefined) return found;
    throw new PortolanError(
      'KUBERNETES_REFUSED',
      `${client.server} has no ${object.kind} of ${object.apiVersion}, which ${object.metadata.name} is`,
      { fix: 'Install the definitions (CRDs) of that kind first.' },
    );
  };
  const rank = ({ kind }: KubeObject): number => (FIRST.includes(kind) ? FIRST.indexOf(kind) : FIRST.length);
  const ordered = [...objects].sort((a, b) => rank(a) - rank(b));
  // Before the first is applied: nothing shall be left half there for want of a definition.
  const brought = new Set<string | undefined>(
    ordered.filter(({ kind }) => kind === 'CustomResourceDefinition').map(kindDefined),
  );
  for (const object of ordered) if (!brought.has(object.kind)) await resourceOf(object);
  const applied: KubeObject[] = [];
  for (const object of ordered) applied.push(await client.apply(object, await resourceOf(object), options));
  return applied;
}

/** The kind that a CustomResourceDefinition brings. */
function kindDefined(definition: KubeObject): string | undefined {
  return z
    .looseObject({ spec: z.looseObject({ names: z.looseObject({ kind: z.string() }) }) })
    .safeParse(definition).data?.spec.names.kind;
}

/** The collection that an object of this kind belongs to; undefined: the server has none. */
async function find(client: KubeClient, { apiVersion, kind }: KubeObject): Promise<KubeResource | undefined> {
  const [first = '', second] = apiVersion.split('/');
  const path = second === undefined ? `/api/${first}` : `/apis/${apiVersion}`;
  let answer: unknown;
  try {
    answer = await client.json(path);
  } catch (thrown) {
    // 404: the group or this version of it is not there.
    if (thrown instanceof PortolanError && thrown.code === 'KUBERNETES_REFUSED') return undefined;
    throw thrown;
  }
  const found = resources
    .parse(answer)
    .resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  if (found === undefined) return undefined;
  return {
    group: second === undefined ? '' : first,
    version: second ?? first,
    plural: found.name,
    kind,
    namespaced: found.namespaced,
  };
}
