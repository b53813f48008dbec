import type { z } from 'zod';
import type { Path } from './path.ts';

/**
 * The field names a schema knows at `path`. Where the schema branches, `input` decides by the discriminator; otherwise
 * the fields of every branch are listed.
 */
export function fieldsAt(schema: z.core.$ZodType, path: Path, input: unknown): readonly string[] {
  let candidates: readonly z.core.$ZodType[] = branches(schema, input);
  let value = input;
  for (const step of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
    const at = value;
    candidates = candidates
      .flatMap((candidate) => child(candidate, step))
      .flatMap((next) => branches(next, at));
  }
  return [...new Set(candidates.flatMap((candidate) => Object.keys(definition(candidate).shape ?? {})))];
}

interface Definition {
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
}

/** Zod's definition objects are a wide union; only the members above are read, each optional. */
function definition(schema: z.core.$ZodType): Definition {
  return schema._zod.def as Definition;
}

/** Unwraps optional, default, pipe; opens unions. */
function branches(schema: z.core.$ZodType, input: unknown): readonly z.core.$ZodType[] {
  const { innerType, in: from, options, discriminator } = definition(schema);
  if (innerType !== undefined) return branches(innerType, input);
  if (from !== undefined) return branches(from, input);
  if (options === undefined) return [schema];
  if (discriminator !== undefined && typeof input === 'object' && input !== null) {
    const wanted: unknown = Reflect.get(input, discriminator);
    const chosen = options.filter((option) => {
      const literal = definition(option).shape?.[discriminator];
      return literal?._zod.values?.has(wanted as z.core.util.Primitive) === true;
    });
    if (chosen.length > 0) return chosen.flatMap((option) => branches(option, input));
  }
  return options.flatMap((option) => branches(option, input));
}

function child(schema: z.core.$ZodType, step: PropertyKey): readonly z.core.$ZodType[] {
  const { shape, element, valueType } = definition(schema);
  const next =
    shape !== undefined
      ? Object.hasOwn(shape, step)
        ? shape[String(step)]
        : undefined
      : (element ?? valueType);
  return next === undefined ? [] : [next];
}
