import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { objectName } from '../../src/resources/metadata.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import type { ApiKey, ApiKeyCreated, ApiKeyDescription, ApiKeyImport } from './key-services.ts';
import { ALL_NAMESPACES, may } from './permissions.ts';
import { demand } from './principal.ts';

const MAX_IMPORT = 2_000;
const MAX_PAGE = 1_000;
const YEAR_SECONDS = 366 * 86_400;

const text = (max: number) => z.string().min(1).max(max);
const texts = z
  .record(z.string().min(1).max(63), z.string().max(512))
  .refine((value) => Object.keys(value).length <= 32, 'at most 32 members');
/** Later than this no cluster can keep it. */
const time = z.iso
  .datetime({ offset: true })
  .refine((value) => Date.parse(value) < Date.UTC(2106, 0, 1), 'before the year 2106');

const inputFields = {
  principal: text(200).describe('Who it stands for, such as an application.'),
  roles: z.array(text(100)).max(50).default([]),
  plan: text(100).optional(),
  labels: texts.default({}).describe('What an AuthPolicy may ask for.'),
  attributes: texts.default({}).describe('Further facts for expressions, such as an e-mail address.'),
  pairId: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, '1 to 200 visible ASCII characters')
    .optional()
    .describe('The id that must come with the key, for id + key pairs.'),
  expiresAt: time.optional(),
};
const keyInput = z.strictObject(inputFields).meta({ id: 'ApiKeyInput' });
const keyImport = z
  .strictObject({
    keys: z
      .array(z.strictObject({ key: z.string().min(1).max(512), ...inputFields }))
      .min(1)
      .max(MAX_IMPORT),
  })
  .meta({ id: 'ApiKeyImportInput' });
const rotation = z
  .strictObject({
    overlapSeconds: z
      .number()
      .int()
      .min(0)
      .max(YEAR_SECONDS)
      .default(86_400)
      .describe('How long the old key still works.'),
    expiresAt: time.optional().describe('When the new key expires; never when left out.'),
  })
  .meta({ id: 'ApiKeyRotation' });
const revocation = z
  .strictObject({ reason: z.string().max(500).optional() })
  .meta({ id: 'ApiKeyRevocation' });

const maybe = z.string().exactOptional();
const shownFields = {
  id: z.string(),
  namespace: z.string(),
  principal: z.string(),
  roles: z.array(z.string()),
  plan: maybe,
  labels: z.record(z.string(), z.string()),
  attributes: z.record(z.string(), z.string()),
  pairId: maybe,
  state: z.enum(['active', 'rotated', 'revoked', 'expired']),
  createdAt: z.string(),
  expiresAt: maybe,
  revokedAt: maybe,
  predecessor: maybe,
  successor: maybe,
};
const shownKey: z.ZodType<ApiKey> = z.object(shownFields).meta({ id: 'ApiKey' });
const created: z.ZodType<ApiKeyCreated> = z
  .object({ ...shownFields, key: z.string() })
  .meta({ id: 'ApiKeyCreated' });
const description: z.ZodType<ApiKeyDescription> = z
  .object({
    ...shownFields,
    clusters: z.array(
      z.object({ cluster: z.string(), state: z.enum(['live', 'pending', 'away']), detail: z.string() }),
    ),
  })
  .meta({ id: 'ApiKeyDescription' });
const imported: z.ZodType<ApiKeyImport> = z
  .object({ ids: z.array(z.string()), warnings: z.array(z.string()) })
  .meta({ id: 'ApiKeyImport' });
const page = z
  .object({ items: z.array(shownKey), next: z.string().exactOptional() })
  .meta({ id: 'ApiKeyPage' });

const listQuery = z.strictObject({
  namespace: objectName
    .optional()
    .describe('Only this namespace; all that the caller may see when left out.'),
  principal: z.string().max(200).optional(),
  plan: z.string().max(100).optional(),
  state: z.enum(['active', 'rotated', 'revoked', 'expired']).optional(),
  labels: z
    .string()
    .max(1000)
    .regex(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, 'name=value, separated by commas')
    .optional(),
  after: z.string().max(40).optional().describe('`next` of the page before.'),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'a number from 1 to 1000')
    .default('100'),
});

const base = '/v1/keys/{namespace}';

/** API keys of callers; those who run traffic in a namespace manage its keys. */
export const KEY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'createKey',
    method: 'POST',
    path: base,
    tag: 'keys',
    summary: 'Make an API key. Its text is in this answer and nowhere else.',
    access: { kind: 'namespace', action: 'key.manage' },
    body: jsonBody(keyInput),
    replies: { 201: { description: 'the key', schema: created } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 201,
      json: await services.keys.create(params.namespace ?? '', body, actor),
    }),
  }),
  endpoint({
    id: 'importKeys',
    method: 'POST',
    path: `${base}/import`,
    tag: 'keys',
    summary: 'Take over keys that exist already, at most 2,000 at once: all of them or none.',
    access: { kind: 'namespace', action: 'key.manage' },
    body: jsonBody(keyImport),
    replies: { 201: { description: 'their public ids, in the order of the list', schema: imported } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 201,
      json: await services.keys.import(params.namespace ?? '', body.keys, actor),
    }),
  }),
  endpoint({
    id: 'listKeys',
    method: 'GET',
    path: '/v1/keys',
    tag: 'keys',
    summary: 'List keys by their public ids, page by page; never a key itself.',
    access: { kind: 'somewhere', action: 'key.read' },
    query: listQuery,
    replies: { 200: { description: 'a page of keys', schema: page } },
    handle: async ({ query, principal }, { services }) => {
      const { namespace, labels, limit: wanted, ...rest } = query;
      if (namespace !== undefined) demand(principal, 'key.read', namespace);
      const everywhere = may(principal.bindings, 'key.read', ALL_NAMESPACES);
      const namespaces =
        namespace !== undefined
          ? [namespace]
          : everywhere
            ? undefined
            : principal.bindings
                .map((binding) => binding.namespace)
                .filter((name) => may(principal.bindings, 'key.read', name));
      const limit = Math.min(Number(wanted), MAX_PAGE);
      const items = await services.keys.list({
        limit,
        ...defined(rest),
        ...(namespaces === undefined ? {} : { namespaces }),
        ...(labels === undefined ? {} : { labels: labelsOf(labels) }),
      });
      const last = items.at(-1);
      return {
        status: 200,
        json: { items, ...(items.length === limit && last !== undefined ? { next: last.id } : {}) },
      };
    },
  }),
  endpoint({
    id: 'describeKey',
    method: 'GET',
    path: `${base}/{id}`,
    tag: 'keys',
    summary: 'One key, and on which clusters its last change counts.',
    access: { kind: 'namespace', action: 'key.read' },
    replies: { 200: { description: 'the key', schema: description } },
    handle: async ({ params }, { services }) => {
      const { namespace = '', id = '' } = params;
      const json = await services.keys.describe(namespace, id);
      if (json === undefined)
        throw new PortolanError('KEY_NOT_FOUND', `there is no key ${id} in namespace ${namespace}`);
      return { status: 200, json };
    },
  }),
  endpoint({
    id: 'rotateKey',
    method: 'POST',
    path: `${base}/{id}/rotate`,
    tag: 'keys',
    summary: 'Make its successor; the old key works a while longer.',
    access: { kind: 'namespace', action: 'key.manage' },
    body: optional(rotation),
    replies: { 201: { description: 'the new key', schema: created } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 201,
      json: await services.keys.rotate(params.namespace ?? '', params.id ?? '', body, actor),
    }),
  }),
  endpoint({
    id: 'revokeKey',
    method: 'POST',
    path: `${base}/{id}/revoke`,
    tag: 'keys',
    summary: 'End a key for ever: refused on every connected cluster within a second.',
    access: { kind: 'namespace', action: 'key.manage' },
    body: optional(revocation),
    replies: { 200: { description: 'the key as it is now', schema: shownKey } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 200,
      json: await services.keys.revoke(params.namespace ?? '', params.id ?? '', body, actor),
    }),
  }),
  endpoint({
    id: 'deleteKey',
    method: 'DELETE',
    path: `${base}/{id}`,
    tag: 'keys',
    summary: 'Forget a key that is revoked or has expired; from then on it is unknown.',
    access: { kind: 'namespace', action: 'key.manage' },
    replies: { 200: { description: 'the key as it last was', schema: shownKey } },
    handle: async ({ params, actor }, { services }) => ({
      status: 200,
      json: await services.keys.delete(params.namespace ?? '', params.id ?? '', actor),
    }),
  }),
];

/** A body that may be left out. */
function optional<S extends z.ZodType>(schema: S) {
  const read = jsonBody(schema);
  return { schema, parse: (value: unknown) => read.parse(value ?? {}) };
}

function labelsOf(query: string): Readonly<Record<string, string>> {
  return Object.fromEntries(query.split(',').map((part) => part.split('=', 2) as [string, string]));
}

/** Without the members that are undefined. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const members: [string, unknown][] = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
