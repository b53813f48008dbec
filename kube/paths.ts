import type { KubeListOptions, KubeRef, KubeResource } from './contract.ts';

/** Paths of the API: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
export function groupPath({ group, version }: KubeResource): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Of all namespaces when none is given. */
export function collectionPath(resource: KubeResource, namespace: string | undefined): string {
  const within =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${groupPath(resource)}${within}/${resource.plural}`;
}

export function objectPath(ref: KubeRef, subresource?: string): string {
  const path = `${collectionPath(ref.resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `?a=b`, or nothing; what is undefined is left out. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value);
  return query.size === 0 ? '' : `?${query}`;
}

export function selectors({ labelSelector, fieldSelector }: KubeListOptions) {
  return { labelSelector, fieldSelector };
}
