/** A value of a Secret that a policy names. */
export interface NamedSecret {
  /** Where it stands in the document. */
  readonly path: string;
  readonly name: string;
  readonly key: string;
}

/** Every reference to a value of a Secret in a spec: fields `…Ref` and `…Refs` with a `name` and a `key`. */
export function secretsNamedIn(spec: unknown, path = 'spec'): readonly NamedSecret[] {
  if (typeof spec !== 'object' || spec === null) return [];
  return Object.entries(spec).flatMap(([field, value]: [string, unknown]) => {
    const at = Array.isArray(spec) ? `${path}[${field}]` : `${path}.${field}`;
    if (/Refs?(\[\d+\])?$/.test(at) && isReference(value)) return [{ path: at, ...value }];
    return secretsNamedIn(value, at);
  });
}

function isReference(value: unknown): value is { readonly name: string; readonly key: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'key' in value &&
    typeof value.key === 'string'
  );
}
