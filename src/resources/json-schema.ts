import { z } from 'zod';
import { INPUT_SCHEMAS, KIND_NAMES, KINDS, type Kind, storedVersion } from './catalogue.ts';
import { API_VERSION } from './metadata.ts';

/** JSON Schema 2020-12, as far as its parts are looked at here. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

/**
 * What a person may write that `schema` accepts. Schemas with an `id` become definitions of their own, referred to as
 * `refPrefix` + id. What only code can check (a domain name's rules) is described by its type alone.
 */
export function jsonSchemaOf(
  schema: z.core.$ZodType,
  refPrefix = '#/$defs/',
): { readonly root: JsonSchema; readonly definitions: Readonly<Record<string, JsonSchema>> } {
  const wrapped: unknown = z.toJSONSchema(z.object({ root: schema }), {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // The format says it, and the pattern of an IPv6 address is no help to a reader.
      if (jsonSchema.format !== undefined && STANDARD_FORMATS.has(jsonSchema.format))
        delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      delete jsonSchema.id;
    },
  });
  // A JSON document: the round trip makes it plain data, and moves the references.
  const { properties, $defs } = parsed(
    JSON.stringify(wrapped).replaceAll('"#/$defs/', JSON.stringify(refPrefix).slice(0, -1)),
  );
  return { root: properties.root, definitions: $defs };
}

const anySchema = z.custom<JsonSchema>((value) => typeof value === 'object' && value !== null);
const wrapper = z.object({
  properties: z.object({ root: anySchema }),
  $defs: z.record(z.string(), anySchema).default({}),
});

function parsed(text: string): z.output<typeof wrapper> {
  return wrapper.parse(JSON.parse(text));
}

const STANDARD_FORMATS = new Set(['ipv4', 'ipv6', 'date-time']);

/** The editor schema of one kind: JSON Schema 2020-12 of the whole document. */
export function kindJsonSchema(kind: Kind): JsonSchema {
  const { [`${kind}Input`]: root, ...definitions } = jsonSchemaOf(INPUT_SCHEMAS[kind]).definitions;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `https://portolan.dev/schemas/${storedVersion(kind)}/${kind}.json`,
    title: kind,
    description: `${kind}: ${KINDS[kind].summary}.`,
    ...root,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }),
  };
}

/** One schema for editors: any document of any kind, told apart by `kind`. */
export function combinedJsonSchema(): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const choices = KIND_NAMES.map((kind) => {
    Object.assign(definitions, jsonSchemaOf(INPUT_SCHEMAS[kind]).definitions);
    return {
      if: { properties: { kind: { const: kind } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { $ref: `#/$defs/${kind}Input` },
    };
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `https://portolan.dev/schemas/${API_VERSION}/portolan.json`,
    title: 'Portolan resources',
    type: 'object',
    properties: {
      apiVersion: { enum: [...new Set(KIND_NAMES.flatMap((kind) => [...KINDS[kind].apiVersions]))] },
      kind: { enum: KIND_NAMES },
    },
    required: ['apiVersion', 'kind'],
    // One branch applies, so that an editor names the field that is wrong and not every kind it could have been.
    allOf: choices,
    $defs: definitions,
  };
}
