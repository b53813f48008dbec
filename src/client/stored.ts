import { z } from 'zod';
import { type AnyResource, isKind, type Kind, type Resource, storedVersion } from '../resources/catalogue.ts';

const text = z.string();

/** What every stored object has. Its spec and status are the hub's word: it validated them, and may know more fields. */
const shape = z
  .looseObject({
    apiVersion: z.string(),
    kind: z.string().refine(isKind),
    metadata: z.looseObject({
      namespace: text,
      name: text,
      uid: text,
      resourceVersion: text,
      generation: z.number(),
      creationTimestamp: text,
      finalizers: z.array(text),
      labels: z.record(text, text),
      annotations: z.record(text, text),
    }),
    spec: z.record(text, z.unknown()),
  })
  .refine((object) => object.apiVersion === storedVersion(object.kind));

/** True for a stored object as the API gives it. */
export function isResource(value: unknown): value is AnyResource {
  return shape.safeParse(value).success;
}

/** True for a stored object of this kind. */
export function isResourceOf<K extends Kind>(kind: K, value: unknown): value is Resource<K> {
  return isResource(value) && value.kind === kind;
}
