import type { z } from 'zod';
import { bound, checksOf, definitionOf, refused } from './crd-definitions.ts';
import { type CrdPattern, crdPattern } from './crd-pattern.ts';
import { celText, type StructuralSchema } from './crd-structural.ts';
import { longest } from './crd-union.ts';

/** Texts that zod knows by name: a rule of CEL, and how long they are at most. */
const FORMATS: Readonly<
  Record<string, { readonly rule: string; readonly longest: number; readonly words: string }>
> = {
  ipv4: { rule: 'isIP(self) && ip(self).family() == 4', longest: 15, words: 'an IPv4 address' },
  ipv6: { rule: 'isIP(self) && ip(self).family() == 6', longest: 45, words: 'an IPv6 address' },
  cidrv4: { rule: 'isCIDR(self) && cidr(self).ip().family() == 4', longest: 18, words: 'an IPv4 CIDR block' },
  cidrv6: { rule: 'isCIDR(self) && cidr(self).ip().family() == 6', longest: 49, words: 'an IPv6 CIDR block' },
};
/** Of both families, which are always taken together. */
const FAMILIES: readonly {
  readonly both: readonly string[];
  readonly rule: string;
  readonly words: string;
}[] = [
  { both: ['ipv4', 'ipv6'], rule: 'isIP(self)', words: 'an IPv4 or IPv6 address' },
  { both: ['cidrv4', 'cidrv6'], rule: 'isCIDR(self)', words: 'an IPv4 or IPv6 CIDR block' },
];
/** Texts whose exact form the hub checks; what is plainly none is refused at once. */
const ROUGHLY: Readonly<Record<string, string>> = {
  url: '^[a-zA-Z][a-zA-Z0-9+.-]*://[^ ]+$',
  email: '^[^@ ]+@[^@ ]+$',
};

/** One of these values. */
export function choice(values: readonly unknown[], path: string): StructuralSchema {
  const texts = values.filter((value) => typeof value === 'string');
  if (texts.length === values.length) return { type: 'string', enum: texts, maxLength: longest(texts) };
  if (values.every((value) => typeof value === 'boolean')) return { type: 'boolean', enum: values };
  if (values.every((value) => Number.isSafeInteger(value)))
    return { type: 'integer', format: 'int64', enum: values };
  throw refused(path, 'a choice of different types');
}

function patternsOf(schema: z.core.$ZodType): readonly CrdPattern[] {
  return checksOf(schema).flatMap(({ check, format, pattern }) =>
    check === 'string_format' && format === 'regex' && pattern !== undefined ? [crdPattern(pattern)] : [],
  );
}

/** Whether what is plainly wrong is refused only; the hub looks at the rest. */
export function isRough(schema: z.core.$ZodType): boolean {
  const { format } = definitionOf(schema);
  return format !== undefined && Object.hasOwn(ROUGHLY, format);
}

/** One text. */
export function text(schema: z.core.$ZodType, path: string): StructuralSchema {
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
      : { 'x-kubernetes-validations': [{ rule: known.rule, message: `must be ${known.words}` }] }),
  };
}

/** Texts of which one form must fit. */
export function textUnion(schema: z.core.$ZodType, path: string): StructuralSchema {
  const forms = formsOf(schema, path);
  const formats = new Set(forms.flatMap(({ format }) => format ?? []));
  const families = FAMILIES.filter(({ both }) => both.every((format) => formats.has(format)));
  const rules = [
    ...families.map(({ rule }) => rule),
    ...forms
      .filter(({ format }) => !families.some(({ both }) => format !== undefined && both.includes(format)))
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
  if (known !== undefined)
    return [{ rule: known.rule, longest: known.longest, ...(format === undefined ? {} : { format }) }];
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
  const formats = options.map((option) => definitionOf(option).format ?? '');
  const family = FAMILIES.find(({ both }) => both.every((format) => formats.includes(format)));
  if (family !== undefined && options.length === 2) return family.words;
  return formats.map((format) => FORMATS[format]?.words ?? 'a text').join(' or ');
}
