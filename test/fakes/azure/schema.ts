import * as dnsMappers from '@azure/arm-dns/dist-esm/src/models/mappers.js';
import * as trafficManagerMappers from '@azure/arm-trafficmanager/dist-esm/src/models/mappers.js';
import { z } from 'zod';

/**
 * The SDK's own description of a body (its mappers, which its serialiser walks), read strictly: a property that the API does not have, or one of
 * another type, is refused. The service itself ignores what it does not know; a client that sends such a thing believes in something that is not so.
 */

const mapper = z.looseObject({
  serializedName: z.string().optional(),
  readOnly: z.boolean().optional(),
  type: z.looseObject({
    name: z.string(),
    className: z.string().optional(),
    element: z.unknown().optional(),
    value: z.unknown().optional(),
    modelProperties: z.record(z.string(), z.unknown()).optional(),
  }),
});
type Mapper = z.output<typeof mapper>;

const MODELS: Readonly<Record<string, unknown>> = { ...trafficManagerMappers, ...dnsMappers };

/** @returns what is wrong with `body` as a model of the SDK, such as `RecordSet` or `Profile`; nothing: empty */
export function violations(model: 'RecordSet' | 'Profile', body: unknown): readonly string[] {
  // Both packages have a `Resource`; a profile's own mapper has all of its properties in itself.
  const models = model === 'RecordSet' ? { ...dnsMappers } : { ...trafficManagerMappers };
  return check(mapper.parse(Reflect.get(models, model)), body, model);
}

function check(rule: Mapper, value: unknown, path: string): string[] {
  const { type } = rule;
  switch (type.name) {
    case 'String':
      return typeof value === 'string' ? [] : [`${path} must be a string`];
    case 'Number':
      return typeof value === 'number' && Number.isFinite(value) ? [] : [`${path} must be a number`];
    case 'Boolean':
      return typeof value === 'boolean' ? [] : [`${path} must be a boolean`];
    case 'Sequence':
      return Array.isArray(value)
        ? value.flatMap((item: unknown, i) => check(mapper.parse(type.element), item, `${path}[${i}]`))
        : [`${path} must be an array`];
    case 'Dictionary':
      return isObject(value)
        ? Object.entries(value).flatMap(([key, item]) =>
            check(mapper.parse(type.value), item, `${path}.${key}`),
          )
        : [`${path} must be an object`];
    case 'Composite':
      return composite(type, value, path);
    default:
      return [`${path} has the type ${type.name}, which no request here has`];
  }
}

function composite(type: Mapper['type'], value: unknown, path: string): string[] {
  if (!isObject(value)) return [`${path} must be an object`];
  const found = mapper.safeParse(MODELS[type.className ?? '']);
  const properties =
    type.modelProperties ?? (found.success ? found.data.type.modelProperties : undefined) ?? {};
  const rules = new Map(
    Object.values(properties).map((property) => {
      const rule = mapper.parse(property);
      return [rule.serializedName ?? '', rule] as const;
    }),
  );
  return walk(rules, value, '', path);
}

/** `properties.TTL` names a member of a member. */
function walk(rules: ReadonlyMap<string, Mapper>, value: object, prefix: string, path: string): string[] {
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    const name = `${prefix}${key}`;
    const rule = rules.get(name);
    if (rule !== undefined) {
      return rule.readOnly === true ? [`${path}.${name} is read-only`] : check(rule, item, `${path}.${name}`);
    }
    const inner = [...rules.keys()].some((serialized) => serialized.startsWith(`${name}.`));
    if (inner && isObject(item)) return walk(rules, item, `${name}.`, path);
    return [`${path} has no property ${name}`];
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
