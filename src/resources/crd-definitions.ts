import { z } from 'zod';

/** Zod's definitions are a wide union; only these members are read, each optional. */
export interface Definition {
  readonly type: string;
  readonly format?: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly keyType?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
  readonly defaultValue?: unknown;
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly checks?: readonly z.core.$ZodCheck[];
  readonly error?: unknown;
}

/** One check of a schema; only what is looked at. */
export interface Check {
  readonly check: string;
  readonly format?: string;
  readonly pattern?: RegExp;
  readonly value?: number;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
}

export function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as Definition;
}

export function checksOf(schema: z.core.$ZodType): readonly Check[] {
  const { checks = [] } = definitionOf(schema);
  return checks.map((check): Check => check._zod.def as Check);
}

/** Of lengths, the strictest. */
export function bound(schema: z.core.$ZodType, check: 'min_length' | 'max_length'): number | undefined {
  const found = checksOf(schema).flatMap((one) => {
    if (one.check === 'length_equals') return one.length ?? [];
    return one.check === check ? ((check === 'min_length' ? one.minimum : one.maximum) ?? []) : [];
  });
  if (found.length === 0) return undefined;
  return check === 'min_length' ? Math.max(...found) : Math.min(...found);
}

/** `boundedRecord` says it. */
export function mostProperties(schema: z.core.$ZodType): number | undefined {
  const most: unknown = z.globalRegistry.get(schema)?.maxProperties;
  return typeof most === 'number' ? most : undefined;
}

/** Type of what a person writes. */
export function kindOf(schema: z.core.$ZodType): string {
  const { type, in: from } = definitionOf(schema);
  return type === 'pipe' && from !== undefined ? kindOf(from) : type;
}

export function isText(schema: z.core.$ZodType): boolean {
  const { type, in: from, options = [], values = [] } = definitionOf(schema);
  if (type === 'pipe') return from !== undefined && isText(from);
  if (type === 'union') return options.every((option) => isText(option));
  return (
    type === 'string' || type === 'enum' || (type === 'literal' && values.every((v) => typeof v === 'string'))
  );
}

/** What stops the generation. */
export function refused(path: string, what: string): Error {
  return new Error(`${path === '' ? 'the spec' : path}: ${what} cannot be said in a schema of Kubernetes`);
}
