import { z } from 'zod';
import type { KubeObject, KubeResource } from './contract.ts';

const page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullish(),
});
const resources = z.object({ resources: z.array(z.object({ name: z.string() })) });
const event = z.object({ type: z.string(), object: z.unknown() });

/** Only what each object of the API has; the rest is for those who need it to parse. Nothing is copied: lists are long. */
function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value.metadata)) return false;
  const { name, namespace, uid, resourceVersion } = value.metadata;
  return (
    typeof value.kind === 'string' &&
    typeof value.apiVersion === 'string' &&
    (typeof name === 'string' || name === undefined) &&
    [namespace, uid, resourceVersion].every((field) => field === undefined || typeof field === 'string')
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Items of a list have neither apiVersion nor kind when their type is built in. Undefined: no object. */
export function readObject(value: unknown, { group, version, kind }: KubeResource): KubeObject | undefined {
  if (!isRecord(value)) return undefined;
  value.apiVersion ??= group === '' ? version : `${group}/${version}`;
  value.kind ??= kind;
  return isKubeObject(value) ? value : undefined;
}

export interface KubePage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Undefined: the last page. */
  readonly next: string | undefined;
}

export function readPage(body: unknown, resource: KubeResource): KubePage | undefined {
  const read = page.safeParse(body);
  if (!read.success) return undefined;
  const items: KubeObject[] = [];
  for (const item of read.data.items ?? []) {
    const object = readObject(item, resource);
    if (object === undefined) return undefined;
    items.push(object);
  }
  const { resourceVersion, continue: next } = read.data.metadata;
  return { items, resourceVersion, next: next === '' ? undefined : next };
}

/** Names in an `APIResourceList`, among them subresources (`httproutes/status`). */
export function readResources(body: unknown): ReadonlySet<string> | undefined {
  const read = resources.safeParse(body);
  return read.success ? new Set(read.data.resources.map(({ name }) => name)) : undefined;
}

/** A line of a watch. Undefined: no such thing. */
export function readEvent(line: string): { readonly type: string; readonly object: unknown } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const read = event.safeParse(value);
  return read.success ? { type: read.data.type, object: read.data.object } : undefined;
}
