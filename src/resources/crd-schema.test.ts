import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { crdSchema } from './crd-schema.ts';
import type { PlaceRules } from './crd-structural.ts';
import { boundedRecord } from './fields.ts';

const text = z.string().max(9);
const converted = (field: z.ZodType, places: readonly PlaceRules[] = []) =>
  crdSchema(z.strictObject({ field }), places).schema.properties?.field;

interface Tree {
  readonly inner?: Tree | undefined;
}
const tree: z.ZodType<Tree> = z.strictObject({
  get inner(): z.ZodType<Tree | undefined> {
    return tree.optional();
  },
});

describe('a schema for Kubernetes', () => {
  it.each<[string, z.ZodType, message: string]>([
    ['a text without a greatest length', z.string(), 'field: a text without a greatest length'],
    ['a list without a greatest length', z.array(text), 'field: a list without a greatest length'],
    ['a mapping without a greatest size', z.record(text, text), 'field: a mapping without a greatest size'],
    ['a tuple', z.tuple([text]), 'field: a tuple'],
    ['null alone', z.null(), 'field: a null'],
    ['anything', z.unknown(), 'field: a unknown'],
    ['a date', z.date(), 'field: a date'],
    ['an object with unknown fields', z.looseObject({ a: text }), 'takes unknown fields'],
    ['an object that drops unknown fields', z.object({ a: text }), 'takes unknown fields'],
    ['a shape that holds itself', tree, 'holds itself'],
    ['text or a number', z.union([text, z.boolean()]), 'one of string, boolean'],
    ['text or an object', z.union([text, z.strictObject({ a: text })]), 'one of string, object'],
    ['an intersection', z.strictObject({ a: text }).and(z.strictObject({ b: text })), 'a intersection'],
    ['a refinement without a rule', text.refine((t) => t !== 'a'), 'a refinement without a rule'],
    [
      'a refinement of a branch without a rule',
      z.union([text.refine((t) => t !== 'a'), z.ipv4()]),
      'a refinement without a rule',
    ],
    ['a text in a format of zod', z.uuid().max(40), 'a text in the format uuid'],
    ['a text with two patterns', text.regex(/^a/).regex(/b$/), 'two patterns'],
    ['a catch', text.catch('a'), 'catch'],
    [
      'a field of two shapes in a union',
      z.discriminatedUnion('t', [
        z.strictObject({ t: z.literal('a'), x: text }),
        z.strictObject({ t: z.literal('b'), x: z.boolean() }),
      ]),
      'gives? "x" different shapes',
    ],
  ])('stops the generation at %s', (_, schema, message) => {
    expect(() => converted(schema)).toThrow(new RegExp(message));
  });

  it('stops the generation at rules for a place that is not there', () => {
    expect(() => converted(text, [{ path: 'feild', hub: 'all' }])).toThrow('no schema has: feild');
  });

  it('bounds texts by their patterns, and says what it is told to', () => {
    const schema = z.strictObject({
      code: z
        .string()
        .regex(/^[A-Z]{2}$/)
        .describe('A country.'),
      count: z.number().int().min(1).max(5).default(2),
      share: z.number().positive().max(1).optional(),
      labels: boundedRecord(text, text, 4).optional(),
    });
    expect(crdSchema(schema, [{ path: '', hub: 'the rest' }])).toEqual({
      schema: {
        type: 'object',
        required: ['code'],
        properties: {
          code: { description: 'A country.', type: 'string', maxLength: 2, pattern: '^[A-Z]{2}$' },
          count: { type: 'integer', format: 'int64', minimum: 1, maximum: 5, default: 2 },
          share: { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 1 },
          labels: {
            type: 'object',
            maxProperties: 4,
            additionalProperties: { type: 'string', maxLength: 9 },
          },
        },
      },
      judgedByHub: [
        { path: 'labels', what: 'the names of entries' },
        { path: '', what: 'the rest' },
      ],
    });
  });

  it('makes one flat object of a union, with rules for what goes with what and without defaults of single branches', () => {
    const union = z.discriminatedUnion('in', [
      z.strictObject({ in: z.literal('a'), every: z.boolean().default(true), own: text.default('x') }),
      z.strictObject({ in: z.literal('b'), every: z.boolean().default(true), needed: text }),
    ]);
    expect(converted(union)).toEqual({
      type: 'object',
      required: ['in'],
      properties: {
        in: { type: 'string', enum: ['a', 'b'], maxLength: 1 },
        every: { type: 'boolean', default: true },
        own: { type: 'string', maxLength: 9, description: 'Default: "x".' },
        needed: { type: 'string', maxLength: 9 },
      },
      'x-kubernetes-validations': [
        {
          rule: "!has(self.own) || self.__in__ == 'a'",
          message: '`own` goes with `in` a only',
          fieldPath: '.own',
        },
        {
          rule: "!has(self.needed) || self.__in__ == 'b'",
          message: '`needed` goes with `in` b only',
          fieldPath: '.needed',
        },
        { rule: "!(self.__in__ == 'b') || has(self.needed)", message: '`needed` is needed with `in` b' },
      ],
    });
  });

  it('takes whole numbers beside text as int-or-string, and forms of text as rules', () => {
    expect(converted(z.union([z.number().int().min(1).max(9), z.string().regex(/^\d-\d$/)]))).toEqual({
      'x-kubernetes-int-or-string': true,
      minimum: 1,
      maximum: 9,
      maxLength: 3,
      pattern: '^\\d-\\d$',
    });
    expect(converted(z.union([z.ipv4(), z.ipv6(), z.enum(['any'])], 'an address or any'))).toEqual({
      type: 'string',
      maxLength: 45,
      'x-kubernetes-validations': [
        { rule: "(isIP(self)) || (self in ['any'])", message: 'must be an address or any' },
      ],
    });
  });

  it('says that lists have names once, and that a place has text alone', () => {
    const list = z.array(z.union([text, z.strictObject({ a: text })])).max(3);
    expect(
      converted(list, [
        { path: 'field[]', form: 'text' },
        { path: 'field', set: true },
      ]),
    ).toEqual({
      type: 'array',
      maxItems: 3,
      'x-kubernetes-list-type': 'set',
      items: { type: 'string', maxLength: 9 },
    });
  });
});
