import type { Kind } from '../resources/catalogue.ts';

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** Just these two, of what may have more. */
export function nameOf({ namespace, name }: ObjectName): { namespace: string; name: string } {
  return { namespace, name };
}

/** As the hub takes it among documents: it refuses other fields. */
export function keyOf({ kind, namespace, name }: ObjectName & { readonly kind: Kind }): {
  kind: Kind;
  namespace: string;
  name: string;
} {
  return { kind, namespace, name };
}
