import { type CelRule, celField, celText, type StructuralSchema } from './crd-structural.ts';

/** One branch of a union of objects. */
export interface Branch {
  /** Value of the discriminator, if the union has one. */
  readonly value?: string;
  readonly schema: StructuralSchema;
}

/**
 * One flat object for a union of objects told apart by `discriminator`: it has the fields of all, and rules say which go with which value.
 * A default stays only where every branch has it, for the API server would add it to the others.
 * @throws Error when branches give one field different shapes
 */
export function flatByDiscriminator(discriminator: string, branches: readonly Branch[]): StructuralSchema {
  const values = branches.map(({ value = '' }) => value);
  const { description: _, ...tag } = branches[0]?.schema.properties?.[discriminator] ?? {};
  const self = `self.${celField(discriminator)}`;
  const merged = mergedFields(
    branches.map(({ schema }) => without(schema, discriminator)),
    discriminator,
  );
  const rules = [...merged].flatMap(([name, { owners, needing, patterns }]): readonly CelRule[] => {
    const field = celField(name);
    const owning = owners.map((i) => values[i] ?? '');
    const needed = needing.map((i) => values[i] ?? '');
    return [
      ...(owners.length === branches.length
        ? []
        : [
            {
              rule: `!has(self.${field}) || ${oneOf(self, owning)}`,
              message: `\`${name}\` goes with \`${discriminator}\` ${owning.join(', ')} only`,
              fieldPath: `.${name}`,
            },
          ]),
      ...(needed.length === 0 || needed.length === branches.length
        ? []
        : [
            {
              rule: `!(${oneOf(self, needed)}) || has(self.${field})`,
              message: `\`${name}\` is needed with \`${discriminator}\` ${needed.join(', ')}`,
            },
          ]),
      ...[...new Set(new Set(patterns).size === 1 ? [] : patterns)].flatMap((pattern) => {
        if (pattern === undefined) return [];
        const bound = owners.filter((_, at) => patterns[at] === pattern).map((i) => values[i] ?? '');
        return [
          {
            rule: `!has(self.${field}) || !(${oneOf(self, bound)}) || self.${field}.matches(${celText(pattern)})`,
            message: `\`${name}\` has a character that is not allowed with \`${discriminator}\` ${bound.join(', ')}`,
            fieldPath: `.${name}`,
          },
        ];
      }),
    ];
  });
  return {
    type: 'object',
    properties: {
      [discriminator]: { ...tag, type: 'string', enum: values, maxLength: longest(values) },
      ...fields(merged, branches),
    },
    required: [
      discriminator,
      ...[...merged].flatMap(([name, { needing }]) => (needing.length === branches.length ? [name] : [])),
    ],
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  };
}

/** One flat object for a union of objects of which exactly one fits by its fields. */
export function flatByFields(branches: readonly Branch[], path: string): StructuralSchema {
  const merged = mergedFields(
    branches.map(({ schema }) => schema),
    path,
  );
  if ([...merged.values()].some(({ patterns }) => new Set(patterns).size > 1))
    throw new Error(`${path}: the branches of the union give a field different patterns`);
  const names = [...merged.keys()];
  const fits = branches.map(({ schema }) => {
    const { properties = {}, required = [] } = schema;
    return [
      ...required.map((name) => `has(self.${celField(name)})`),
      ...names
        .filter((name) => !Object.hasOwn(properties, name))
        .map((name) => `!has(self.${celField(name)})`),
    ].join(' && ');
  });
  return {
    type: 'object',
    properties: fields(merged, branches),
    'x-kubernetes-validations': [
      {
        rule: fits.map((fit) => `(${fit})`).join(' || '),
        message: `must have exactly one of ${names.map((name) => `\`${name}\``).join(', ')}`,
      },
    ],
  };
}

interface Merged {
  /** Without a default; without a pattern where branches have different ones. */
  readonly schema: StructuralSchema;
  /** Indexes of the branches that have it, and of those that need it. */
  readonly owners: readonly number[];
  readonly needing: readonly number[];
  /** Of each owner. */
  readonly defaults: readonly unknown[];
  readonly patterns: readonly (string | undefined)[];
}

function mergedFields(branches: readonly StructuralSchema[], path: string): ReadonlyMap<string, Merged> {
  const merged = new Map<string, Merged>();
  for (const [i, { properties = {}, required = [] }] of branches.entries()) {
    for (const [name, { default: given, ...schema }] of Object.entries(properties)) {
      const before = merged.get(name);
      const patterns = [...(before?.patterns ?? []), schema.pattern];
      const one = new Set(patterns).size === 1;
      if (before !== undefined && bare(before.schema) !== bare(schema))
        throw new Error(`${path}: the branches of the union give "${name}" different shapes`);
      merged.set(name, {
        schema: one ? schema : withoutPattern(schema),
        owners: [...(before?.owners ?? []), i],
        needing: [...(before?.needing ?? []), ...(required.includes(name) ? [i] : [])],
        defaults: [...(before?.defaults ?? []), given],
        patterns,
      });
    }
  }
  return merged;
}

function fields(
  merged: ReadonlyMap<string, Merged>,
  branches: readonly Branch[],
): Readonly<Record<string, StructuralSchema>> {
  return Object.fromEntries([...merged].map(([name, entry]) => [name, withDefaults(entry, branches)]));
}

/** The default that all branches agree on; others are not in the schema, so that at least a reader learns of them. */
function withDefaults({ schema, owners, defaults }: Merged, branches: readonly Branch[]): StructuralSchema {
  const texts = defaults.map((value) => (value === undefined ? undefined : JSON.stringify(value)));
  const [first] = texts;
  const agreed = owners.length === branches.length && texts.every((text) => text === first);
  if (agreed) return first === undefined ? schema : { ...schema, default: defaults[0] };
  const values = [...new Set(texts.filter((text) => text !== undefined))];
  if (values.length === 0) return schema;
  const notes = values.map((text) => {
    const having = owners.filter((_, i) => texts[i] === text).map((owner) => branches[owner]?.value ?? '');
    return `${text}${values.length === 1 ? '' : ` (${having.join(', ')})`}`;
  });
  const note = `Default: ${notes.join(', ')}.`;
  return {
    ...schema,
    description: schema.description === undefined ? note : `${schema.description} ${note}`,
  };
}

function withoutPattern({ pattern: _, ...schema }: StructuralSchema): StructuralSchema {
  return schema;
}

function bare(schema: StructuralSchema): string {
  return JSON.stringify(withoutPattern(schema));
}

function without(schema: StructuralSchema, name: string): StructuralSchema {
  const { [name]: _, ...properties } = schema.properties ?? {};
  return { ...schema, properties, required: (schema.required ?? []).filter((field) => field !== name) };
}

function oneOf(self: string, values: readonly string[]): string {
  const [only] = values;
  return values.length === 1 && only !== undefined
    ? `${self} == ${celText(only)}`
    : `${self} in [${values.map(celText).join(', ')}]`;
}

export function longest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length));
}
