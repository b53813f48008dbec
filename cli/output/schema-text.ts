import type { JsonSchema } from '../../src/resources/json-schema.ts';
import { table } from './table.ts';

/** The fields a person may write, one line each, from a JSON Schema. */
export function schemaLines(schema: JsonSchema): readonly string[] {
  const rows: (readonly string[])[] = [];
  collect(schema, schema, '', true, rows, new Set());
  return table(['FIELD', 'TYPE', 'DEFAULT', 'WHAT'], rows);
}

function collect(
  root: JsonSchema,
  given: JsonSchema,
  path: string,
  required: boolean,
  rows: (readonly string[])[],
  seen: Set<string>,
): void {
  const schema = followed(root, given);
  if (path !== '') {
    const id = `${path} ${typeText(root, schema)}`;
    if (!seen.has(id))
      rows.push([
        path,
        `${typeText(root, schema)}${required ? ', required' : ''}`,
        defaultText(given, schema),
        whatText(given, schema),
      ]);
    seen.add(id);
  }
  const branches = [...schemasOf(schema.oneOf), ...schemasOf(schema.anyOf), ...schemasOf(schema.allOf)];
  for (const branch of branches.map((b) => followed(root, b)))
    if (branch.properties !== undefined || branch.items !== undefined || branch.oneOf !== undefined)
      fields(root, branch, path, rows, seen);
  fields(root, schema, path, rows, seen);
}

/** Accepted so that what was read can be applied again; nobody writes them. */
const OF_THE_HUB = new Set(['uid', 'generation', 'creationTimestamp', 'deletionTimestamp']);

function fields(
  root: JsonSchema,
  schema: JsonSchema,
  path: string,
  rows: (readonly string[])[],
  seen: Set<string>,
): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (path === '' && (name === 'apiVersion' || name === 'kind' || name === 'status')) continue;
    if (path === 'metadata' && OF_THE_HUB.has(name)) continue;
    const needed = schema.required?.includes(name) === true;
    collect(root, property, path === '' ? name : `${path}.${name}`, needed, rows, seen);
  }
  const [items] = schemasOf([schema.items]);
  if (items === undefined) return;
  const item = followed(root, items);
  if (item.properties !== undefined || item.oneOf !== undefined || item.anyOf !== undefined) {
    fields(root, item, `${path}[]`, rows, seen);
    for (const branch of [...schemasOf(item.oneOf), ...schemasOf(item.anyOf)])
      fields(root, followed(root, branch), `${path}[]`, rows, seen);
  }
}

function followed(root: JsonSchema, schema: JsonSchema): JsonSchema {
  const name = /^#\/\$defs\/(.+)$/.exec(schema.$ref ?? '')?.[1];
  const definitions = root.$defs;
  if (name === undefined || typeof definitions !== 'object' || definitions === null) return schema;
  const found: unknown = Reflect.get(definitions, name);
  return isSchema(found) ? followed(root, found) : schema;
}

function schemasOf(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value.filter(isSchema) : [];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeText(root: JsonSchema, schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map(String).join(' | ');
  if (schema.type === 'array') {
    const [items] = schemasOf([schema.items]);
    return items === undefined ? 'list' : `list of ${typeText(root, followed(root, items))}`;
  }
  const branches = [...schemasOf(schema.oneOf), ...schemasOf(schema.anyOf)].map((b) => followed(root, b));
  if (branches.length > 0) return [...new Set(branches.map((b) => typeText(root, b)))].join(' | ');
  if (schema.format !== undefined && FORMATS.has(schema.format)) return schema.format;
  const { minimum, maximum } = schema;
  if (
    (schema.type === 'integer' || schema.type === 'number') &&
    typeof minimum === 'number' &&
    typeof maximum === 'number'
  )
    return `${schema.type} ${minimum}..${maximum}`;
  return typeof schema.type === 'string' ? schema.type : 'any';
}

/** Formats that tell a person more than `string` does. */
const FORMATS = new Set(['ipv4', 'ipv6', 'date-time', 'cidrv4', 'cidrv6']);

function defaultText(given: JsonSchema, schema: JsonSchema): string {
  const value: unknown = given.default ?? schema.default;
  if (value === undefined) return '';
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : '{…}';
}

function whatText(given: JsonSchema, schema: JsonSchema): string {
  return given.description ?? schema.description ?? '';
}
