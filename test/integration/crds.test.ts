import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SOURCE_KINDS } from '../../hub/sources/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { KINDS, type KindInfo, storedVersion } from '../../src/resources/catalogue.ts';
import { crdSpecSchema } from '../../src/resources/crd.ts';
import { CRD_KINDS, CRD_NAMES, type CrdKind } from '../../src/resources/crd-kinds.ts';
import type { StructuralSchema } from '../../src/resources/crd-structural.ts';
import { API_VERSION } from '../../src/resources/metadata.ts';
import { parseAs, parseResource } from '../../src/resources/validate.ts';
import { parseText } from '../../src/resources/yaml.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { matching } from '../support/matchers.ts';
import { pathOf } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Ask, asker } from './crds/api.ts';
import { documents } from './crds/documents.ts';
import { REFUSALS } from './crds/refusals.ts';

/* The CustomResourceDefinitions of deploy/crds at a real API server, against the schemas that the hub validates with. */

const SUITE = 'CustomResourceDefinitions';
const found = await requireKubeApiserver(SUITE);
const ROOT = join(import.meta.dirname, '../..');
const CRDS = join(ROOT, 'deploy/crds');
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const made = z.looseObject({ spec: z.unknown(), metadata: z.looseObject({ name: z.string() }) });
const refusalBody = z.object({ reason: z.string(), message: z.string() });
const definition = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string().default('') })),
  }),
});
const discovery = z.object({
  resources: z.array(
    z.looseObject({
      name: z.string(),
      kind: z.string(),
      singularName: z.string(),
      namespaced: z.boolean(),
      shortNames: z.array(z.string()).optional(),
      categories: z.array(z.string()).optional(),
    }),
  ),
});
const groupList = z.object({
  groups: z.array(z.object({ name: z.string(), versions: z.array(z.object({ groupVersion: z.string() })) })),
});
const described = z.object({ description: z.string().optional() });
const openApi = z.object({
  components: z.object({
    schemas: z.record(
      z.string(),
      z.object({
        description: z.string().optional(),
        properties: z
          .object({ spec: z.object({ properties: z.record(z.string(), described) }).optional() })
          .optional(),
      }),
    ),
  }),
});
const table = z.object({
  kind: z.literal('Table'),
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.number() })),
  rows: z.array(z.object({ cells: z.array(z.unknown()) })),
});

const pathOfKind = (kind: CrdKind, namespace = 'default'): string => {
  const { plural }: KindInfo = KINDS[kind];
  return `/apis/${API_VERSION}/namespaces/${namespace}/${plural}`;
};
const documentOf = (kind: CrdKind, spec: unknown, name = 'x') => ({
  apiVersion: storedVersion(kind),
  kind,
  metadata: { name, namespace: 'default' },
  spec,
});

/** What the hub says of a document: its parsed spec, or the places of what is wrong. */
function judged(
  kind: CrdKind,
  document: unknown,
): { readonly spec?: unknown; readonly wrong: readonly string[] } {
  try {
    return { spec: parseAs(kind, document).spec, wrong: [] };
  } catch (error) {
    if (!(error instanceof PortolanError)) throw error;
    return { wrong: (error.violations ?? []).map(({ path }) => path) };
  }
}

/** Documents of our kinds in the examples and guides. */
function shown(): readonly { readonly name: string; readonly kind: CrdKind; readonly document: object }[] {
  const examples = join(ROOT, 'docs/examples');
  const guides = join(ROOT, 'docs/guides');
  const texts = [
    ...readdirSync(examples).map((file): [string, string] => [
      file,
      readFileSync(join(examples, file), 'utf8'),
    ]),
    ...readdirSync(guides, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .flatMap((file): [string, string][] =>
        [...readFileSync(join(guides, file), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
          ([, text = ''], i): [string, string] => [`${file} (${i + 1})`, text],
        ),
      ),
  ];
  return texts.flatMap(([name, text]) => {
    if (!text.includes(API_VERSION)) return [];
    return parseText(text).flatMap(({ value }) => {
      const kind = CRD_KINDS.find(
        (one) => typeof value === 'object' && value !== null && 'kind' in value && value.kind === one,
      );
      return kind === undefined || typeof value !== 'object' || value === null
        ? []
        : [{ name, kind, document: value }];
    });
  });
}

function rulesOf(schema: StructuralSchema): readonly string[] {
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...Object.values(schema.properties ?? {}).flatMap(rulesOf),
    ...(schema.items === undefined ? [] : rulesOf(schema.items)),
    ...(schema.additionalProperties === undefined ? [] : rulesOf(schema.additionalProperties)),
  ];
}

describe.skipIf(!found.available)(SUITE, () => {
  let api: KubeApiserver;
  let ask: Ask;

  beforeAll(async () => {
    api = await startKubeApiserver(pathOf(found));
    ask = asker(api);
    for (const kind of CRD_KINDS) {
      const { plural }: KindInfo = KINDS[kind];
      const [file] = parseText(readFileSync(join(CRDS, `portolan.dev_${plural}.yaml`), 'utf8'));
      const { status, warnings, body } = await ask('POST', DEFINITIONS, file?.value);
      expect({ status, warnings }, JSON.stringify(body)).toEqual({ status: 201, warnings: [] });
    }
    await ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    for (const kind of CRD_KINDS) {
      const path = `${pathOfKind(kind)}?limit=1`;
      await until(`${kind} is served`, async () => (await ask('GET', path)).status === 200, 20_000);
    }
  });

  afterAll(async () => {
    await api[Symbol.asyncDispose]();
  });

  /** Refused for what it is, not for how it was asked. */
  const dryRun = (kind: CrdKind, document: unknown) =>
    ask('POST', `${pathOfKind(kind)}?dryRun=All&fieldValidation=Strict`, document);

  it('are of all kinds that sources set, but those of the Gateway API and Secrets', () => {
    const ours = SOURCE_KINDS.filter((kind) => storedVersion(kind) === API_VERSION && kind !== 'Secret');
    expect([...CRD_KINDS].sort()).toEqual([...ours].sort());
  });

  it.each(CRD_KINDS)('%s is established as a structural schema', async (kind) => {
    const { plural }: KindInfo = KINDS[kind];
    const { body } = await ask('GET', `${DEFINITIONS}/${plural}.portolan.dev`);
    const { conditions } = definition.parse(body).status;
    expect(conditions.map(({ type, status }) => `${type}=${status}`).sort()).toEqual([
      'Established=True',
      'NamesAccepted=True',
    ]);
  });

  const examples = shown();
  it('the examples and guides show every kind but those that guides describe in words', () => {
    expect(new Set(examples.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(8);
  });

  it.each(examples)('$kind of $name comes back as the hub reads it', async ({ kind, document }) => {
    const asWritten = parseAs(kind, document);
    const { namespace } = asWritten.metadata;
    const path = `${pathOfKind(kind, namespace)}?dryRun=All&fieldValidation=Strict`;
    const { status, warnings, body } = await ask('POST', path, {
      ...document,
      metadata: { ...asWritten.metadata, namespace },
    });
    expect({ status, warnings }, JSON.stringify(body)).toEqual({ status: 201, warnings: [] });
    const { spec } = made.parse(body);
    expect(parseAs(kind, documentOf(kind, spec)).spec).toEqual(asWritten.spec);
  });

  it.each(REFUSALS)(
    '$kind is refused with "$message", and by the hub too',
    async ({ kind, message, spec }) => {
      const document = documentOf(kind, spec);
      const { status, body } = await dryRun(kind, document);
      expect(status, JSON.stringify(body)).toBe(422);
      expect(refusalBody.parse(body)).toMatchObject({ reason: 'Invalid' });
      expect(refusalBody.parse(body).message).toContain(message);
      expect(() => parseResource(document)).toThrow(PortolanError);
    },
  );

  it('every rule has a document above that it refuses', () => {
    const wanted = CRD_KINDS.flatMap((kind) =>
      rulesOf(crdSpecSchema(kind).schema).map((message) => `${kind}: ${message}`),
    );
    const tried = new Set(REFUSALS.map(({ kind, message }) => `${kind}: ${message}`));
    expect([...new Set(wanted)].filter((rule) => !tried.has(rule))).toEqual([]);
    expect(tried.size).toBeGreaterThan(60);
  });

  it('a field that nobody knows is refused, and without strict validation dropped with a warning', async () => {
    const document = documentOf('Issuer', { internal: { lifetimeDay: 3 } });
    const strict = await dryRun('Issuer', document);
    expect(strict.status).toBe(400);
    expect(refusalBody.parse(strict.body).message).toContain('unknown field "spec.internal.lifetimeDay"');
    const plain = await ask('POST', `${pathOfKind('Issuer')}?dryRun=All`, document);
    expect({ status: plain.status, warnings: plain.warnings.join(' ') }).toEqual({
      status: 201,
      warnings: matching(/unknown field \\?"spec\.internal\.lifetimeDay/),
    });
  });

  it.each<[form: string, CrdKind, spec: object, message: string]>([
    [
      'an IPv4 address written as IPv6',
      'Cluster',
      { location: { country: 'DE' }, addresses: ['::ffff:192.0.2.1'] },
      'must be an IPv4 or IPv6 address',
    ],
    [
      'a URL with a blank',
      'Issuer',
      { acme: { directory: 'https://ca.example.com/a b', termsOfServiceAgreed: true } },
      'spec.acme.directory',
    ],
    [
      'a condition that is a mapping',
      'RateLimitPolicy',
      { domain: 'shop', rules: { when: [{ predicate: 'true' }], limits: {} } },
      'predicate',
    ],
  ])('%s is taken by the hub alone', async (_, kind, spec, message) => {
    const document = documentOf(kind, spec);
    expect(judged(kind, document).wrong).toEqual([]);
    const { status, body } = await dryRun(kind, document);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(refusalBody.parse(body).message).toContain(message);
  });

  it('null is as if the field were left out, but where it means something', async () => {
    const left = await dryRun('Issuer', documentOf('Issuer', { internal: {}, acme: null }));
    expect(made.parse(left.body).spec).toEqual({ internal: { lifetimeDays: 30 } });
    const rules = { responseHeaders: { server: null } };
    const kept = await dryRun('GatewayPolicy', documentOf('GatewayPolicy', { selector: {}, rules }));
    expect(made.parse(kept.body).spec).toEqual({ selector: {}, rules });
  });

  it('names that the hub cannot have, entries of one name and what is over its size are refused', async () => {
    const spec = { internal: {} };
    const cases: readonly (readonly [CrdKind, object, message: string])[] = [
      ['Issuer', documentOf('Issuer', spec, 'a.b'), 'metadata.name'],
      ['Issuer', documentOf('Issuer', spec, 'a'.repeat(64)), 'metadata.name'],
      [
        'Cluster',
        documentOf('Cluster', { location: { country: 'DE' }, addresses: Array(17).fill('192.0.2.1') }),
        'must have at most 16 items',
      ],
      [
        'TrafficPolicy',
        documentOf('TrafficPolicy', {
          hostnames: ['a.example.com', 'a.example.com'],
          endpoints: ['a', 'b', 'a'].map((name) => ({ name, cluster: 'a' })),
          routing: { default: { tiers: [{ members: [{ endpoint: 'a' }, { endpoint: 'a' }] }] } },
        }),
        'Duplicate value',
      ],
    ];
    for (const [kind, document, message] of cases) {
      const { status, body } = await dryRun(kind, document);
      expect(status).toBe(422);
      expect(refusalBody.parse(body).message).toContain(message);
      expect(() => parseResource(document)).toThrow(PortolanError);
    }
  });

  it('kubectl finds each by its short name and category, and its columns hold what is there', async () => {
    const { body } = await ask('GET', `/apis/${API_VERSION}`);
    const { resources } = discovery.parse(body);
    for (const kind of CRD_KINDS) {
      expect(resources.find((one) => one.kind === kind && !one.name.includes('/'))).toMatchObject({
        shortNames: CRD_NAMES[kind].shortNames,
        categories: ['portolan'],
        singularName: kind.toLowerCase(),
        namespaced: true,
      });
      expect(resources.map(({ name }) => name)).toContain(`${KINDS[kind].plural}/status`);
    }
    const [policy] = parseText(readFileSync(join(ROOT, 'docs/examples/routing.yaml'), 'utf8')).filter(
      ({ value }) => JSON.stringify(value).includes('"TrafficPolicy"'),
    );
    const path = pathOfKind('TrafficPolicy', 'shop');
    const { name } = made.parse(policy?.value).metadata;
    const document = { ...made.parse(policy?.value), metadata: { name, namespace: 'shop' } };
    expect((await ask('POST', path, document)).status).toBe(201);
    const condition = {
      type: 'Accepted',
      status: 'True',
      reason: 'Accepted',
      message: 'it is served',
      lastTransitionTime: '2026-11-22T00:00:00Z',
      observedGeneration: 1,
    };
    const status = {
      observedGeneration: 1,
      conditions: [condition],
      endpoints: [{ name: 'eu', cluster: 'eu', state: 'up', detail: '' }],
      later: { kept: true },
    };
    const written = await ask(
      'PATCH',
      `${path}/${name}/status?fieldValidation=Strict`,
      { status },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(written.status, JSON.stringify(written.body)).toBe(200);
    expect(written.body).toMatchObject({ status, metadata: { generation: 1 } });
    const listed = await ask('GET', path, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    const { columnDefinitions, rows } = table.parse(listed.body);
    const cells = rows[0]?.cells ?? [];
    const shownCells = Object.fromEntries(columnDefinitions.map((column, i) => [column.name, cells[i]]));
    expect(shownCells).toMatchObject({
      Name: name,
      Accepted: 'True',
      Hostnames: JSON.stringify(z.object({ hostnames: z.unknown() }).parse(document.spec).hostnames),
      Routing: 'weighted',
      Message: 'it is served',
    });
    expect(
      columnDefinitions.filter(({ priority }) => priority > 0).map(({ name: column }) => column),
    ).toEqual(['TTL', 'Message']);
  });

  it('no short name is one of Kubernetes, the Gateway API, cert-manager, Istio or Cluster API', async () => {
    // Those of Kubernetes are asked for; others as their own definitions have them.
    const others = [
      'gc',
      'gtw',
      'lset',
      'refgrant',
      'btlspolicy',
      'cr',
      'crs',
      'cert',
      'certs',
      'ap',
      'pa',
      'ra',
    ];
    const meshes = ['vs', 'gw', 'dr', 'se', 'we', 'wg', 'telemetry', 'cl', 'cc', 'md', 'ma', 'mhc'];
    const { groups } = groupList.parse((await ask('GET', '/apis')).body);
    const paths = groups.flatMap(({ name, versions }) =>
      name === 'portolan.dev' ? [] : versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
    );
    const lists = await Promise.all(['/api/v1', ...paths].map((path) => ask('GET', path)));
    const builtIn = lists.flatMap(({ body }) =>
      discovery.parse(body).resources.flatMap(({ name, shortNames = [] }) => [name, ...shortNames]),
    );
    for (const known of ['svc', 'pc', 'pdb', 'priorityclasses']) expect(builtIn).toContain(known);
    const taken = new Set([...others, ...meshes, ...builtIn]);
    const ours = CRD_KINDS.flatMap((kind) => CRD_NAMES[kind].shortNames);
    expect(new Set(ours).size).toBe(CRD_KINDS.length);
    expect(ours.filter((name) => taken.has(name))).toEqual([]);
  });

  it('kubectl explain has the words of the schemas', async () => {
    const { body } = await ask('GET', `/openapi/v3/apis/${API_VERSION}`);
    const { components } = openApi.parse(body);
    for (const kind of CRD_KINDS) {
      const { description, properties } = components.schemas[`dev.portolan.v1alpha1.${kind}`] ?? {};
      expect(description).toBe(`${kind}: ${KINDS[kind].summary}.`);
      const wanted = crdSpecSchema(kind).schema.properties ?? {};
      for (const [name, field] of Object.entries(properties?.spec?.properties ?? {}))
        expect({ name, description: field.description }).toEqual({
          name,
          description: wanted[name]?.description,
        });
    }
  });

  /*
   * What the hub takes, the API server takes; what the hub alone refuses, it refuses at a place where the schema says that it judges.
   */
  it.each(CRD_KINDS)('any %s is taken or refused alike, but where the hub alone judges', async (kind) => {
    const places = crdSpecSchema(kind).judgedByHub.map(({ path }) => placePattern(path));
    const counts = { both: 0, neither: 0, hubAlone: 0 };
    await fc.assert(
      fc.asyncProperty(documents(KINDS[kind].spec), async (spec) => {
        const document = documentOf(kind, spec);
        const { wrong, spec: asRead } = judged(kind, document);
        const { status, body } = await dryRun(kind, document);
        const answer = JSON.stringify(body);
        if (wrong.length === 0) {
          expect(status, answer).toBe(201);
          expect(parseAs(kind, documentOf(kind, made.parse(body).spec)).spec).toEqual(asRead);
          counts.both += 1;
        } else if (status === 201) {
          expect(wrong.filter((path) => !places.some((place) => place.test(path)))).toEqual([]);
          counts.hubAlone += 1;
        } else counts.neither += 1;
      }),
      { numRuns: 40, seed: 20_261_122 },
    );
    expect(counts.both).toBeGreaterThan(0);
    expect(counts.neither).toBeGreaterThan(0);
  });
});

/** `a[].b{}` of a schema as a pattern of paths in documents that begin there. */
function placePattern(path: string): RegExp {
  const text = path
    .replaceAll(/[.[\]]/g, '\\$&')
    .replaceAll('\\[\\]', '\\[\\d+\\]')
    .replaceAll('{}', '(\\.[^.[]+|\\[".*?"\\])');
  return new RegExp(`^spec\\.${text}`);
}
