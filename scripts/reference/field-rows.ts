import { KIND_NAMES } from '../../src/resources/catalogue.ts';
import type { JsonSchema } from '../../src/resources/json-schema.ts';

/** The table of every field below `schema`, one row a field. `root` is the path the fields stand under, empty for none. */
export function fieldTable(
  schema: JsonSchema,
  root: string,
  definitions: Readonly<Record<string, JsonSchema>> = {},
): string {
  const rows: Row[] = [];
  collect(schema, root, true, definitions, rows, new Set());
  const lines = rows
    .filter((r) => r.path !== root)
    .map((r) => `| \`${r.path}\` | ${r.type} | ${r.fallback} | ${r.description} |`);
  return `| Field | Type | Default | Meaning |\n|---|---|---|---|\n${lines.join('\n')}`;
}

interface Row {
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

function collect(
  given: JsonSchema,
  path: string,
  required: boolean,
  definitions: Readonly<Record<string, JsonSchema>>,
  rows: Row[],
  seen: ReadonlySet<string>,
): void {
  const name = given.$ref?.split('/').at(-1);
  const schema = name === undefined ? given : { ...definitions[name], ...given };
  if (name !== undefined && seen.has(name)) return;
  const inside = name === undefined ? seen : new Set([...seen, name]);
  const fallback = 'default' in schema ? `\`${JSON.stringify(schema.default)}\`` : required ? 'required' : '';
  // Another kind's spec has its own section.
  const elsewhere = rows.length === 0 ? undefined : KIND_NAMES.find((kind) => name === `${kind}Spec`);
  if (elsewhere !== undefined) {
    rows.push({
      path,
      type: `as the spec of a [${elsewhere}](#${elsewhere.toLowerCase()})`,
      fallback,
      description: given.description ?? '',
    });
    return;
  }
  rows.push({
    path,
    type: typeOf(schema),
    fallback,
    description: (schema.description ?? '').replaceAll('|', '\\|').replaceAll('\n', ' '),
  });
  const choices = list(schema.oneOf) ?? list(schema.anyOf);
  if (choices?.some((choice) => choice.properties !== undefined))
    collectChoices(choices, path, definitions, rows, inside);
  collectFields(schema, path, definitions, rows, inside);
  if (isSchema(schema.items)) collectItems(schema.items, `${path}[]`, definitions, rows, inside);
}

/** What every branch has alike stands once; the rest under the branch it belongs to. */
function collectChoices(
  choices: readonly JsonSchema[],
  path: string,
  definitions: Readonly<Record<string, JsonSchema>>,
  rows: Row[],
  seen: ReadonlySet<string>,
): void {
  const labels = choices.map(choiceLabel);
  const inEvery = (field: string, inner: JsonSchema): boolean =>
    choices.every((choice) => JSON.stringify(choice.properties?.[field]) === JSON.stringify(inner));
  const [first] = choices;
  const shared = Object.entries(first?.properties ?? {}).filter(([field, inner]) => inEvery(field, inner));
  for (const [field, inner] of shared)
    collect(inner, below(path, field), first?.required?.includes(field) === true, definitions, rows, seen);
  for (const [at, choice] of choices.entries()) {
    const label = labels[at] ?? '';
    const own = Object.entries(choice.properties ?? {}).filter(([field, inner]) => !inEvery(field, inner));
    for (const [field, inner] of own) {
      // A branch without a label is an alternative, and what it requires is required only of those who choose it.
      collect(
        inner,
        below(`${path}${label}`, field),
        label !== '' && choice.required?.includes(field) === true,
        definitions,
        rows,
        seen,
      );
    }
  }
}

function collectItems(
  items: JsonSchema,
  path: string,
  definitions: Readonly<Record<string, JsonSchema>>,
  rows: Row[],
  seen: ReadonlySet<string>,
): void {
  const name = items.$ref?.split('/').at(-1);
  collectFields(
    name === undefined ? items : { ...definitions[name], ...items },
    path,
    definitions,
    rows,
    seen,
  );
}

function collectFields(
  schema: JsonSchema,
  path: string,
  definitions: Readonly<Record<string, JsonSchema>>,
  rows: Row[],
  seen: ReadonlySet<string>,
): void {
  for (const [field, inner] of Object.entries(schema.properties ?? {})) {
    collect(inner, below(path, field), schema.required?.includes(field) === true, definitions, rows, seen);
  }
}

function below(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

/** `(protocol: http)` for a branch told apart by a constant. */
function choiceLabel(choice: JsonSchema): string {
  const constant = Object.entries(choice.properties ?? {}).find(([, inner]) => 'const' in inner);
  return constant === undefined ? '' : `(${constant[0]}: ${String(constant[1].const)})`;
}

function typeOf(schema: JsonSchema): string {
  if ('const' in schema) return `\`${String(schema.const)}\``;
  if (Array.isArray(schema.enum)) return schema.enum.map((v) => `\`${String(v)}\``).join(' \\| ');
  const choices = list(schema.oneOf) ?? list(schema.anyOf);
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.type === 'array') return isSchema(schema.items) ? `list of ${typeOf(schema.items)}` : 'list';
  if (schema.type === 'object') return 'mapping';
  const bounds = [
    schema.minimum === undefined ? '' : `≥ ${String(schema.minimum)}`,
    schema.maximum === undefined ? '' : `≤ ${String(schema.maximum)}`,
  ]
    .filter((b) => b !== '')
    .join(', ');
  const base = schema.format ?? schema.type ?? 'text';
  return bounds === '' ? base : `${base} (${bounds})`;
}

function list(value: unknown): readonly JsonSchema[] | undefined {
  return Array.isArray(value) ? value.filter(isSchema) : undefined;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}
