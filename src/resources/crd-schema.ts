import { z } from 'zod';
import { type CrdPattern, crdPattern } from './crd-pattern.ts';
import { celText, type PlaceRules, type StructuralSchema } from './crd-structural.ts';
import { type Branch, flatByDiscriminator, flatByFields, longest } from './crd-union.ts';

/** A converted schema, and what of it the hub alone checks. */
export interface CrdSchema {
  readonly schema: StructuralSchema;
  /** Each with its place. */
  readonly judgedByHub: readonly { readonly path: string; readonly what: string }[];
}

/**
 * The structural schema of what `schema` accepts. Everything has a bound, so that the cost of CEL rules can be told beforehand.
 * `places` adds what zod has as code: every refinement needs an entry there, be it that the hub alone checks it.
 * @throws Error for a shape that Kubernetes has no counterpart for (a tuple, null beside other types, recursion, text without a
 * greatest length …), a refinement without an entry, and an entry that fits no place
 */
export function crdSchema(schema: z.core.$ZodType, places: readonly PlaceRules[]): CrdSchema {
  const conversion = new Conversion(places);
  const converted = conversion.convert(schema, '');
  conversion.end();
  return { schema: converted, judgedByHub: conversion.judged };
}

/** Zod's definitions are a wide union; only these members are read, each optional. */
interface Definition {
  readonly type: string;
  readonly format?: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly keyType?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
  readonly defaultValue?: unknown;
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly checks?: readonly z.core.$ZodCheck[];
  readonly error?: unknown;
}

interface Check {
  readonly check: string;
  readonly format?: string;
  readonly pattern?: RegExp;
  readonly value?: number;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
}

function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as Definition;
}

function checksOf(schema: z.core.$ZodType): readonly Check[] {
  const { checks = [] } = definitionOf(schema);
  return checks.map((check): Check => check._zod.def as Check);
}

/** Texts that zod knows by name: a rule of CEL, and how long they are at most. */
const FORMATS: Readonly<Record<string, { readonly rule: string; readonly longest: number }>> = {
  ipv4: { rule: 'isIP(self) && ip(self).family() == 4', longest: 15 },
  ipv6: { rule: 'isIP(self) && ip(self).family() == 6', longest: 45 },
  cidrv4: { rule: 'isCIDR(self) && cidr(self).ip().family() == 4', longest: 18 },
  cidrv6: { rule: 'isCIDR(self) && cidr(self).ip().family() == 6', longest: 49 },
};
/** Of both families, which are always taken together. */
const FAMILIES: readonly (readonly [string, string, rule: string])[] = [
  ['ipv4', 'ipv6', 'isIP(self)'],
  ['cidrv4', 'cidrv6', 'isCIDR(self)'],
];
/** Texts whose exact form the hub checks; what is plainly none is refused at once. */
const ROUGHLY: Readonly<Record<string, string>> = {
  url: '^[a-zA-Z][a-zA-Z0-9+.-]*://[^ ]+$',
  email: '^[^@ ]+@[^@ ]+$',
};

class Conversion {
  readonly judged: { readonly path: string; readonly what: string }[] = [];
  readonly #places: ReadonlyMap<string, PlaceRules>;
  readonly #used = new Set<string>();
  readonly #open = new Set<z.core.$ZodType>();

  constructor(places: readonly PlaceRules[]) {
    this.#places = new Map(places.map((place) => [place.path, place]));
  }

  /** `branch`: of a union or before a transformation, whose place is the outer schema's. */
  convert(schema: z.core.$ZodType, path: string, branch = false): StructuralSchema {
    if (this.#open.has(schema)) throw refused(path, 'a shape that holds itself');
    this.#open.add(schema);
    const bare = this.#unwrapped(schema, path, branch);
    this.#open.delete(schema);
    const description = z.globalRegistry.get(schema)?.description;
    return description === undefined ? bare : { description, ...withoutDescription(bare) };
  }

  end(): void {
    const unused = [...this.#places.keys()].filter((path) => !this.#used.has(path));
    if (unused.length > 0) throw new Error(`rules for places that no schema has: ${unused.join(', ')}`);
  }

  #unwrapped(schema: z.core.$ZodType, path: string, branch: boolean): StructuralSchema {
    const { innerType, type, defaultValue } = definitionOf(schema);
    if (innerType === undefined) {
      this.#refinements(schema, path);
      const bare = this.#typed(schema, path);
      return branch ? bare : this.#withPlace(bare, path);
    }
    const inner = this.convert(innerType, path, branch);
    switch (type) {
      case 'optional':
        return inner;
      case 'default':
      case 'prefault':
        return { ...inner, default: defaultValue };
      case 'nullable':
        return { ...inner, nullable: true };
      default:
        throw refused(path, type);
    }
  }

  #refinements(schema: z.core.$ZodType, path: string): void {
    const counted = mostProperties(schema) === undefined ? 0 : 1;
    const written = checksOf(schema).filter(({ check }) => check === 'custom').length - counted;
    if (written > 0 && !this.#places.has(path))
      throw refused(
        path,
        'a refinement without a rule in CEL, and without a word that the hub alone checks it',
      );
  }

  /** Adds what is said of this place by hand. */
  #withPlace(bare: StructuralSchema, path: string): StructuralSchema {
    const place = this.#places.get(path);
    if (place === undefined) return bare;
    this.#used.add(path);
    if (place.hub !== undefined) this.judged.push({ path, what: place.hub });
    const rules = [...(bare['x-kubernetes-validations'] ?? []), ...(place.rules ?? [])];
    return {
      ...bare,
      ...(place.keys === undefined
        ? {}
        : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': place.keys }),
      ...(place.set === undefined ? {} : { 'x-kubernetes-list-type': 'set' }),
      ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
    };
  }

  #typed(schema: z.core.$ZodType, path: string): StructuralSchema {
    const {
      type,
      values = [],
      entries = {},
      shape,
      catchall,
      element,
      keyType,
      valueType,
      ...rest
    } = definitionOf(schema);
    switch (type) {
      case 'object':
        if (shape === undefined || catchall?._zod.def.type !== 'never')
          throw refused(path, 'an object that takes unknown fields');
        return this.#object(shape, path);
      case 'array':
        if (element === undefined) throw refused(path, 'a list without entries');
        return { ...this.#list(schema, path), items: this.convert(element, `${path}[]`) };
      case 'record': {
        const most = mostProperties(schema);
        if (valueType === undefined || most === undefined)
          throw refused(path, 'a mapping without a greatest size');
        if (keyType !== undefined && checksOf(keyType).length > 0)
          this.judged.push({ path, what: 'names of entries' });
        return {
          type: 'object',
          additionalProperties: this.convert(valueType, `${path}{}`),
          maxProperties: most,
        };
      }
      case 'string':
        return text(schema, path);
      case 'number':
        return number(schema);
      case 'boolean':
        return { type: 'boolean' };
      case 'literal':
        return choice(values, path);
      case 'enum':
        return choice(Object.values(entries), path);
      case 'pipe':
        if (rest.in === undefined || rest.out?._zod.def.type !== 'transform') throw refused(path, 'a pipe');
        return this.convert(rest.in, path, true);
      case 'union':
        return this.#union(schema, rest.options ?? [], path);
      default:
        throw refused(path, `a ${type}`);
    }
  }

  #object(shape: Readonly<Record<string, z.core.$ZodType>>, path: string): StructuralSchema {
    const required = Object.keys(shape).filter((name) => shape[name]?._zod.optin === undefined);
    return {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(shape).map(([name, field]) => [
          name,
          this.convert(field, path === '' ? name : `${path}.${name}`),
        ]),
      ),
      ...(required.length === 0 ? {} : { required }),
    };
  }

  #list(schema: z.core.$ZodType, path: string): StructuralSchema {
    const least = bound(schema, 'min_length');
    const most = bound(schema, 'max_length');
    if (most === undefined) throw refused(path, 'a list without a greatest length');
    return { type: 'array', maxItems: most, ...(least === undefined ? {} : { minItems: least }) };
  }

  #union(schema: z.core.$ZodType, options: readonly z.core.$ZodType[], path: string): StructuralSchema {
    const chosen =
      this.#places.get(path)?.form === 'text' ? options.filter((option) => isText(option)) : options;
    if (chosen.length < options.length)
      this.judged.push({ path, what: 'written as text; of other forms Kubernetes knows nothing' });
    const [only] = chosen;
    if (chosen.length === 1 && only !== undefined) return this.convert(only, path, true);
    const kinds = new Set(chosen.map((option) => kindOf(option)));
    for (const option of chosen) this.#refinements(option, path);
    if (kinds.size === 1 && kinds.has('object')) {
      const { discriminator } = definitionOf(schema);
      const branches = chosen.map(
        (option): Branch => ({
          ...(discriminator === undefined ? {} : { value: literalOf(option, discriminator, path) }),
          schema: this.convert(option, path, true),
        }),
      );
      return discriminator === undefined
        ? flatByFields(branches, path)
        : flatByDiscriminator(discriminator, branches);
    }
    if (kinds.size === 1 && kinds.has('literal'))
      return choice(
        chosen.flatMap((option) => definitionOf(option).values ?? []),
        path,
      );
    if (chosen.every((option) => isText(option))) return textUnion(schema, path);
    const [first, second] = chosen.map((option) => this.convert(option, path, true));
    if (chosen.length === 2 && first?.type === 'integer' && second?.type === 'string') {
      const { type: _, format: __, ...integer } = first;
      const { type: ___, ...string } = second;
      return { 'x-kubernetes-int-or-string': true, ...integer, ...string };
    }
    throw refused(path, `one of ${[...kinds].join(', ')}`);
  }
}

function refused(path: string, what: string): Error {
  return new Error(`${path === '' ? 'the spec' : path}: ${what} cannot be said in a schema of Kubernetes`);
}

function withoutDescription({ description: _, ...rest }: StructuralSchema): StructuralSchema {
  return rest;
}

function mostProperties(schema: z.core.$ZodType): number | undefined {
  const most: unknown = z.globalRegistry.get(schema)?.maxProperties;
  return typeof most === 'number' ? most : undefined;
}

function bound(schema: z.core.$ZodType, check: 'min_length' | 'max_length'): number | undefined {
  const found = checksOf(schema).flatMap((one) => {
    if (one.check === 'length_equals') return one.length ?? [];
    return one.check === check ? ((check === 'min_length' ? one.minimum : one.maximum) ?? []) : [];
  });
  if (found.length === 0) return undefined;
  return check === 'min_length' ? Math.max(...found) : Math.min(...found);
}

function kindOf(schema: z.core.$ZodType): string {
  const { type, in: from } = definitionOf(schema);
  return type === 'pipe' && from !== undefined ? kindOf(from) : type;
}

function isText(schema: z.core.$ZodType): boolean {
  const { type, in: from, options = [], values = [] } = definitionOf(schema);
  if (type === 'pipe') return from !== undefined && isText(from);
  if (type === 'union') return options.every((option) => isText(option));
  return (
    type === 'string' || type === 'enum' || (type === 'literal' && values.every((v) => typeof v === 'string'))
  );
}

function literalOf(schema: z.core.$ZodType, field: string, path: string): string {
  const tag = definitionOf(schema).shape?.[field];
  const [value] = tag === undefined ? [] : (definitionOf(tag).values ?? []);
  if (typeof value !== 'string') throw refused(path, `a union told apart by ${field}, which is no text,`);
  return value;
}

function choice(values: readonly unknown[], path: string): StructuralSchema {
  const texts = values.filter((value) => typeof value === 'string');
  if (texts.length === values.length) return { type: 'string', enum: texts, maxLength: longest(texts) };
  if (values.every((value) => typeof value === 'boolean')) return { type: 'boolean', enum: values };
  if (values.every((value) => Number.isSafeInteger(value)))
    return { type: 'integer', format: 'int64', enum: values };
  throw refused(path, 'a choice of different types');
}

function number(schema: z.core.$ZodType): StructuralSchema {
  const checks = checksOf(schema);
  const { format } = definitionOf(schema);
  const isInteger =
    format === 'safeint' || checks.some((one) => one.check === 'number_format' && one.format === 'safeint');
  const low = checks.findLast(({ check }) => check === 'greater_than');
  const high = checks.findLast(({ check }) => check === 'less_than');
  return {
    ...(isInteger ? { type: 'integer', format: 'int64' } : { type: 'number' }),
    ...(low?.value === undefined ? {} : { minimum: low.value }),
    ...(low?.inclusive === false ? { exclusiveMinimum: true } : {}),
    ...(high?.value === undefined ? {} : { maximum: high.value }),
    ...(high?.inclusive === false ? { exclusiveMaximum: true } : {}),
  };
}

function patternsOf(schema: z.core.$ZodType): readonly CrdPattern[] {
  return checksOf(schema).flatMap(({ check, format, pattern }) =>
    check === 'string_format' && format === 'regex' && pattern !== undefined ? [crdPattern(pattern)] : [],
  );
}

function text(schema: z.core.$ZodType, path: string): StructuralSchema {
  const { format } = definitionOf(schema);
  const patterns = patternsOf(schema);
  const known = format === undefined ? undefined : FORMATS[format];
  const rough = format === undefined ? undefined : ROUGHLY[format];
  if (patterns.length > 1) throw refused(path, 'a text with two patterns');
  if (format !== undefined && known === undefined && rough === undefined)
    throw refused(path, `a text in the format ${format}`);
  const least = bound(schema, 'min_length');
  const most = Math.min(
    bound(schema, 'max_length') ?? Infinity,
    known?.longest ?? Infinity,
    ...patterns.map((pattern) => pattern.longest),
  );
  if (most === Infinity) throw refused(path, 'a text without a greatest length');
  const pattern = rough ?? patterns[0]?.source;
  return {
    type: 'string',
    ...(least === undefined ? {} : { minLength: least }),
    maxLength: most,
    ...(pattern === undefined ? {} : { pattern }),
    ...(known === undefined
      ? {}
      : { 'x-kubernetes-validations': [{ rule: known.rule, message: `must be ${format ?? ''}` }] }),
  };
}

/** Texts of which one form must fit. */
function textUnion(schema: z.core.$ZodType, path: string): StructuralSchema {
  const forms = formsOf(schema, path);
  const formats = new Set(forms.flatMap(({ format }) => format ?? []));
  const families = FAMILIES.flatMap(([one, other, rule]) =>
    formats.has(one) && formats.has(other) ? [{ one, other, rule }] : [],
  );
  const rules = [
    ...families.map(({ rule }) => rule),
    ...forms
      .filter(({ format }) => !families.some(({ one, other }) => format === one || format === other))
      .map(({ rule }) => rule),
  ];
  return {
    type: 'string',
    maxLength: Math.max(...forms.map((form) => form.longest)),
    'x-kubernetes-validations': [
      {
        rule: rules.length === 1 ? rules.join('') : rules.map((rule) => `(${rule})`).join(' || '),
        message: `must be ${wordsOf(schema)}`,
      },
    ],
  };
}

interface TextForm {
  readonly rule: string;
  readonly longest: number;
  readonly format?: string;
}

function formsOf(schema: z.core.$ZodType, path: string): readonly TextForm[] {
  const { type, in: from, options = [], format, values = [], entries = {} } = definitionOf(schema);
  if (type === 'pipe' && from !== undefined) return formsOf(from, path);
  if (type === 'union') return options.flatMap((option) => formsOf(option, path));
  if (type !== 'string') {
    const texts = (type === 'enum' ? Object.values(entries) : values).map(String);
    return [{ rule: `self in [${texts.map(celText).join(', ')}]`, longest: longest(texts) }];
  }
  const known = format === undefined ? undefined : FORMATS[format];
  if (known !== undefined) return [{ ...known, ...(format === undefined ? {} : { format }) }];
  const { minLength, maxLength = 0, pattern } = text(schema, path);
  const rules = [
    ...(pattern === undefined ? [] : [`self.matches(${celText(pattern)})`]),
    ...(minLength === undefined ? [] : [`size(self) >= ${minLength}`]),
    `size(self) <= ${maxLength}`,
  ];
  return [{ rule: rules.join(' && '), longest: maxLength }];
}

/** What the schema says itself when nothing fits. */
function wordsOf(schema: z.core.$ZodType): string {
  const { error, options = [] } = definitionOf(schema);
  const said: unknown = typeof error === 'function' ? Reflect.apply(error, undefined, [{}]) : undefined;
  if (typeof said === 'string') return said;
  const formats = options.map((option) => definitionOf(option).format ?? 'text');
  return formats.join(' or ');
}
