import type { z } from 'zod';
import { type JsonSchema, jsonSchemaOf } from '../../src/resources/json-schema.ts';
import type { Endpoint } from './endpoint.ts';
import { problem } from './schemas.ts';

/** Grows when the API changes in a way a client can see. */
const API_DOCUMENT_VERSION = '0.1.0';

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly security: readonly unknown[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: unknown;
  };
}

/** OpenAPI 3.1, whose schemas are JSON Schema 2020-12: the same converter makes the editor schemas. */
export function openApiDocument(endpoints: readonly Endpoint[]): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {};
  const refer = (schema: z.ZodType): JsonSchema => {
    const { root, definitions } = jsonSchemaOf(schema, '#/components/schemas/');
    Object.assign(schemas, definitions);
    return root;
  };
  const problemReply = {
    description: 'what went wrong, and the way out',
    content: { 'application/problem+json': { schema: refer(problem) } },
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const operations = paths[endpoint.path] ?? {};
    paths[endpoint.path] = operations;
    operations[endpoint.method.toLowerCase()] = operationOf(endpoint, refer, problemReply);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Portolan hub',
      version: API_DOCUMENT_VERSION,
      description:
        'Multi-cluster traffic and DNS control. Every error is RFC 9457 problem+json with a stable code and a fix.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token made by `portolan init` or `portolan token create`.',
        },
      },
    },
  };
}

function operationOf(
  endpoint: Endpoint,
  refer: (schema: z.ZodType) => JsonSchema,
  problemReply: unknown,
): unknown {
  const parameters = [...pathParameters(endpoint.path), ...queryParameters(endpoint.query)];
  const replies = Object.entries(endpoint.replies).map(
    ([status, { description, schema, contentType = 'application/json' }]): [string, unknown] => [
      status,
      {
        description,
        ...(schema === undefined ? {} : { content: { [contentType]: { schema: refer(schema) } } }),
      },
    ],
  );
  return {
    operationId: endpoint.id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    'x-permission':
      endpoint.access.kind === 'public'
        ? 'none'
        : endpoint.access.kind === 'authenticated'
          ? 'any token'
          : endpoint.access.action,
    ...(endpoint.access.kind === 'public' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(endpoint.body === undefined
      ? {}
      : {
          requestBody: {
            required: !endpoint.body.safeParse({}).success,
            content: { 'application/json': { schema: refer(endpoint.body) } },
          },
        }),
    ...(endpoint.file === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            description: `At most ${endpoint.file.maxOctets} octets.`,
            content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
          },
        }),
    responses: { ...Object.fromEntries(replies), default: problemReply },
  };
}

function pathParameters(path: string): readonly unknown[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 63 },
  }));
}

function queryParameters(query: z.ZodObject | undefined): readonly unknown[] {
  if (query === undefined) return [];
  const { root } = jsonSchemaOf(query, '#/components/schemas/');
  const required = Array.isArray(root.required) ? root.required : [];
  return Object.entries(root.properties ?? {}).map(([name, schema]) => {
    const { description, ...rest } = schema;
    return {
      name,
      in: 'query',
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}
