import type { Resource } from '../resources/catalogue.ts';

/** One end of a reference. */
export interface ReferenceEnd {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/**
 * Says which references between namespaces are allowed: a ReferenceGrant in the namespace of the target must name where it comes
 * from and what it leads to. References within a namespace need none.
 */
export class Grants {
  readonly #byNamespace = new Map<string, Resource<'ReferenceGrant'>[]>();

  constructor(grants: readonly Resource<'ReferenceGrant'>[]) {
    for (const grant of grants) {
      const known = this.#byNamespace.get(grant.metadata.namespace);
      if (known === undefined) this.#byNamespace.set(grant.metadata.namespace, [grant]);
      else known.push(grant);
    }
  }

  allows(from: ReferenceEnd, to: ReferenceEnd & { readonly name: string }): boolean {
    if (from.namespace === to.namespace) return true;
    return (this.#byNamespace.get(to.namespace) ?? []).some(
      ({ spec }) =>
        spec.from.some(
          (end) => end.group === from.group && end.kind === from.kind && end.namespace === from.namespace,
        ) &&
        spec.to.some(
          (end) =>
            end.group === to.group &&
            end.kind === to.kind &&
            (end.name === undefined || end.name === to.name),
        ),
    );
  }
}
