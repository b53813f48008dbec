import { z } from 'zod';
import { bound, checksOf, definitionOf, isText, kindOf, mostProperties, refused } from './crd-definitions.ts';
import type { PlaceRules, StructuralSchema } from './crd-structural.ts';
import { choice, isRough, text, textUnion } from './crd-text.ts';
import { type Branch, flatByDiscriminator, flatByFields } from './crd-union.ts';

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

/** Of domain names, URLs, addresses for mail: code, not patterns. */
const EXACT_FORM = 'the exact form of names and URLs';

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
          this.judged.push({ path, what: 'the names of entries' });
        return {
          type: 'object',
          additionalProperties: this.convert(valueType, `${path}{}`),
          maxProperties: most,
        };
      }
      case 'string':
        if (isRough(schema)) this.judged.push({ path, what: EXACT_FORM });
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
        if (rest.in._zod.def.type === 'string') this.judged.push({ path, what: EXACT_FORM });
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

function withoutDescription({ description: _, ...rest }: StructuralSchema): StructuralSchema {
  return rest;
}

function literalOf(schema: z.core.$ZodType, field: string, path: string): string {
  const tag = definitionOf(schema).shape?.[field];
  const [value] = tag === undefined ? [] : (definitionOf(tag).values ?? []);
  if (typeof value !== 'string') throw refused(path, `a union told apart by ${field}, which is no text,`);
  return value;
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
