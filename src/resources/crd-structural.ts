/**
 * A schema in the structural form that CustomResourceDefinitions take
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
 * one type for each place, so that the API server can prune, default and validate without choosing a branch.
 */
export interface StructuralSchema {
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly nullable?: true;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: true;
  readonly exclusiveMaximum?: true;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: StructuralSchema;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: StructuralSchema;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly CelRule[];
}

/** A rule in CEL over `self`, checked by the API server, and what it says when it does not hold. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** Of the field that the message is about, below `self`: `.burst`. */
  readonly fieldPath?: string;
}

/** What is said by hand about one place of a kind's spec, because zod has it as code only. */
export interface PlaceRules {
  /** From `spec`: `endpoints[].cname`, `{}` for each value of a mapping; empty for the spec itself. */
  readonly path: string;
  readonly rules?: readonly CelRule[];
  /** The list has one entry at most for each value of these fields. */
  readonly keys?: readonly string[];
  /** The list has each value once. */
  readonly set?: true;
  /** Of the ways to write it, only the text: Kubernetes has one type for each place. */
  readonly form?: 'text';
  /** What the hub alone checks there, for people: "the names of rules". */
  readonly hub?: string;
}

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** A field in CEL: names of the language are written between underscores (https://kubernetes.io/docs/reference/using-api/cel/#escaping). */
export function celField(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.includes('__'))
    throw new Error(`the field ${name} has no plain name in CEL`);
  return name;
}

/** A text in CEL. */
export function celText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
