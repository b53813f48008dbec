import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/errors/table.ts';
import { KIND_NAMES } from '../../src/resources/catalogue.ts';
import { combinedJsonSchema, type JsonSchema, kindJsonSchema } from '../../src/resources/json-schema.ts';
import { ENDPOINTS, openApi } from './endpoints.ts';

const reference = (path: string): string =>
  readFileSync(new URL(`../../docs/reference/${path}`, import.meta.url), 'utf8');

const OPENAPI = openApi();

/** Every `$ref` below `node`. */
const refs = (node: unknown): readonly string[] => {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]: [string, unknown]) =>
    name === '$ref' && typeof value === 'string' ? [value] : refs(value),
  );
};

describe('the API description', () => {
  it('has every operation but itself, each with a permission and the problem it may answer with', () => {
    const operations = Object.values(OPENAPI.paths).flatMap((path) => Object.values(path));
    expect(operations).toHaveLength(ENDPOINTS.length - 1);
    for (const operation of operations) {
      expect(operation).toMatchObject({
        operationId: expect.stringMatching(/./) as unknown,
        'x-permission': expect.stringMatching(/./) as unknown,
        responses: { default: {} },
      });
    }
  });

  it('refers only to schemas it has', () => {
    const found = refs(OPENAPI);
    expect(found.length).toBeGreaterThan(100);
    for (const ref of found)
      expect(OPENAPI.components.schemas).toHaveProperty([ref.replace('#/components/schemas/', '')]);
  });

  it('is what docs/reference holds', () => {
    expect(JSON.parse(reference('openapi.json'))).toEqual(JSON.parse(JSON.stringify(OPENAPI)));
  });
});

describe('the editor schemas', () => {
  it.each(KIND_NAMES)('%s: strict, with a described spec, and every reference resolves', (kind) => {
    const schema = kindJsonSchema(kind);
    const definitions = schema.$defs as Readonly<Record<string, JsonSchema>>;
    expect(schema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['apiVersion', 'kind', 'metadata', 'spec'],
    });
    for (const ref of refs(schema)) expect(definitions).toHaveProperty([ref.replace('#/$defs/', '')]);
    expect(JSON.stringify(definitions[`${kind}Spec`])).toContain('"description"');
  });

  it('the combined one knows every kind, and every reference resolves', () => {
    const schema = combinedJsonSchema();
    expect(schema.properties?.kind?.enum).toEqual(KIND_NAMES);
    for (const ref of refs(schema)) expect(schema.$defs).toHaveProperty([ref.replace('#/$defs/', '')]);
  });
});

describe('the error reference', () => {
  it('has every code', () => {
    const page = reference('errors.md');
    for (const code of Object.keys(ERROR_TABLE)) expect(page).toContain(`\n## ${code}\n`);
  });
});
