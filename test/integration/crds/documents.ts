import fc from 'fast-check';
import type { z } from 'zod';
import { bound, checksOf, definitionOf, isText, kindOf } from '../../../src/resources/crd-definitions.ts';

/** Names as people write them, good and bad. */
const GOOD = ['example.com', 'a.example.com.', 'B.Example.com', '*.example.com', 'münchen.example'];
const NAMES = [...GOOD, ...GOOD, ...GOOD, 'a..b', '.'];
const URLS = ['https://a.example.com/b', 'http://a.example.com', 'https://', 'ftp://a.example.com'];
/** Names of objects: few, so that some refer to others. */
const OBJECT_NAME = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
/** Fields of which one is to be given; mostly one is. */
const EITHER: readonly (readonly string[])[] = [
  ['rules', 'defaults', 'overrides'],
  ['targetRefs', 'selector', 'domain'],
  ['route53', 'google', 'azure', 'powerdns', 'rfc2136'],
  ['acme', 'internal'],
  ['apiKey', 'keyPair', 'jwt', 'oauth2Introspection', 'mtls', 'kubernetesTokenReview', 'anonymous', 'plain'],
  ['userInfo', 'http'],
  ['cel', 'roles', 'scopes', 'http', 'kubernetesSubjectAccessReview'],
  ['url', 'urlExpression'],
  ['header', 'json'],
];
const MAIL = ['a@example.com', 'a'];

/**
 * Documents that `schema` mostly takes: with some fields left out, some values at and beyond their bounds. What only code knows (which
 * fields exclude one another) is left to chance, so that refusals come as well.
 */
export function documents(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const known = MADE.get(schema);
  if (known !== undefined) return known;
  const arbitrary = made(schema);
  MADE.set(schema, arbitrary);
  return arbitrary;
}

/** Schemas stand in many places. */
const MADE = new WeakMap<z.core.$ZodType, fc.Arbitrary<unknown>>();

function made(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const {
    type,
    shape,
    element,
    keyType,
    valueType,
    innerType,
    options,
    values,
    entries,
    in: from,
  } = definitionOf(schema);
  const inner = innerType ?? from;
  if (inner !== undefined && type === 'nullable') return fc.option(documents(inner), { freq: 3 });
  if (from !== undefined && definitionOf(from).type === 'string') return fc.constantFrom(...NAMES);
  if (inner !== undefined) return documents(inner);
  if (shape !== undefined) return objects(shape);
  if (element !== undefined) return lists(schema, documents(element));
  if (valueType !== undefined && keyType !== undefined)
    return fc.dictionary(documents(keyType).map(String), documents(valueType), { maxKeys: 2 });
  if (options !== undefined) {
    // Where it may be text, Kubernetes has text alone.
    const texts = options.filter((option) => isText(option));
    const all = texts.length > 0 && options.some((option) => kindOf(option) === 'object') ? texts : options;
    return fc.oneof(...all.map((option) => documents(option)));
  }
  if (values !== undefined) return fc.constantFrom(...values);
  if (entries !== undefined)
    return fc.oneof({ weight: 60, arbitrary: fc.constantFrom(...Object.values(entries)) }, wrong);
  if (type === 'string') return texts(schema);
  if (type === 'number') return numbers(schema);
  if (type === 'boolean') return fc.boolean();
  throw new Error(`documents of ${type} are not made here`);
}

const wrong = { weight: 1, arbitrary: fc.constantFrom<unknown>('wrong', 7, true) };

function objects(shape: Readonly<Record<string, z.core.$ZodType>>): fc.Arbitrary<unknown> {
  const fields = Object.entries(shape).map(([name, schema]) => {
    const needed = schema._zod.optin === undefined;
    return fc
      .tuple(fc.integer({ min: 0, max: 99 }), documents(schema))
      .map(([chance, value]) => (chance < (needed ? 99 : 25) ? [[name, value] as const] : []));
  });
  const whole = fc.tuple(...fields).map((parts) => Object.fromEntries(parts.flat()));
  return EITHER.map((names) => names.filter((name) => shape[name]?._zod.optin !== undefined))
    .filter((names) => names.length > 1)
    .reduce((before, names) => withOne(before, names, shape), whole);
}

type Fields = Readonly<Record<string, unknown>>;

function withOne(
  before: fc.Arbitrary<Fields>,
  names: readonly string[],
  shape: Readonly<Record<string, z.core.$ZodType>>,
): fc.Arbitrary<Fields> {
  const one = fc.oneof(
    ...names.flatMap((name) => {
      const field = shape[name];
      return field === undefined ? [] : [documents(field).map((value): Fields => ({ [name]: value }))];
    }),
  );
  const others = before.map((document) =>
    Object.fromEntries(Object.entries(document).filter(([name]) => !names.includes(name))),
  );
  return fc.oneof(
    { weight: 12, arbitrary: fc.tuple(others, one).map(([a, b]) => ({ ...a, ...b })) },
    { weight: 1, arbitrary: before },
  );
}

function lists(schema: z.core.$ZodType, entry: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const least = bound(schema, 'min_length') ?? 0;
  return fc.oneof(
    { weight: 3, arbitrary: fc.array(entry, { minLength: least, maxLength: least }) },
    { weight: 1, arbitrary: fc.array(entry, { minLength: least + 1, maxLength: least + 1 }) },
  );
}

function texts(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const { format } = definitionOf(schema);
  const pattern = checksOf(schema).find((check) => check.format === 'regex')?.pattern;
  const least = bound(schema, 'min_length') ?? 0;
  switch (format) {
    case 'ipv4':
      return fc.ipV4();
    case 'ipv6':
      return fc.ipV6();
    case 'cidrv4':
      return fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 33 })).map(([ip, bits]) => `${ip}/${bits}`);
    case 'cidrv6':
      return fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 129 })).map(([ip, bits]) => `${ip}/${bits}`);
    case 'url':
      return fc.constantFrom(...URLS);
    case 'email':
      return fc.constantFrom(...MAIL);
    default: {
      const fitting =
        pattern === undefined
          ? fc.string({ minLength: least, maxLength: least + 12 })
          : pattern.source === OBJECT_NAME
            ? fc.constantFrom('a', 'a', 'a', 'a', 'b')
            : fc.stringMatching(pattern, { size: 'xsmall' });
      return fc.oneof({ weight: 60, arbitrary: fitting }, { weight: 1, arbitrary: fc.string() });
    }
  }
}

function numbers(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const checks = checksOf(schema);
  const min = checks.findLast(({ check }) => check === 'greater_than')?.value ?? -1000;
  const max = checks.findLast(({ check }) => check === 'less_than')?.value ?? 1000;
  const whole =
    definitionOf(schema).format === 'safeint' || checks.some(({ check }) => check === 'number_format');
  const within: fc.Arbitrary<number> = whole
    ? fc.integer({ min: Math.ceil(min), max: Math.min(max, 2_147_483_647) })
    : fc.integer({ min: Math.ceil(min * 10), max: Math.floor(max * 10) }).map((tenths) => tenths / 10);
  return fc.oneof(
    { weight: 60, arbitrary: within },
    { weight: 1, arbitrary: fc.constantFrom(min - 1, max + 1) },
  );
}
