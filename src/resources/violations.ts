import type { z } from 'zod';
import type { FieldViolation } from '../errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../errors/table.ts';
import { formatPath, type Path, valueAt } from './path.ts';
import { fieldsAt } from './schema-fields.ts';
import { didYouMean } from './suggest.ts';

/** More than these are not listed: nobody reads them, and a hostile document must not make a huge answer. */
export const MAX_VIOLATIONS = 100;

type Issue = z.core.$ZodIssue;

/** Turns zod's issues into what a person can act on: where, what is wrong, what to write instead. */
export function violationsOf(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  input: unknown,
): readonly FieldViolation[] {
  const found = issues.flatMap((issue) => explain(issue, [], { schema, input }));
  return found.slice(0, MAX_VIOLATIONS);
}

interface Document {
  readonly schema: z.core.$ZodType;
  readonly input: unknown;
}

function explain(issue: Issue, prefix: Path, document: Document): readonly FieldViolation[] {
  const path = [...prefix, ...issue.path];
  const value = valueAt(document.input, path);
  const at = formatPath(path);
  const one = (
    message: string,
    fix: string,
    code: ErrorCode = 'VALIDATION_FAILED',
  ): readonly FieldViolation[] => [{ path: at, code, message, fix }];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = fieldsAt(document.schema, path, document.input);
      return issue.keys.map((key) => unknownField([...path, key], key, known));
    }
    case 'invalid_type': {
      const wanted = TYPE_NAMES[issue.expected] ?? issue.expected;
      const fields = wanted === TYPE_NAMES.object ? fieldsAt(document.schema, path, document.input) : [];
      const form = fields.length === 0 ? wanted : `${wanted} with ${someOf(fields)}`;
      if (value === undefined) return one(`is required (${wanted})`, `Add ${nameOf(path)}: ${form}.`);
      return one(`must be ${wanted}, not ${shown(path, value)}`, `Write ${form}.`);
    }
    case 'invalid_value':
      return oneOf(path, value, issue.values);
    case 'invalid_union':
      return explainUnion(issue, path, document);
    case 'too_small':
    case 'too_big':
      return one(...bounds(issue));
    case 'invalid_format': {
      const wanted = issue.message.startsWith('Invalid ')
        ? (FORMAT_NAMES[issue.format] ?? `text in the format ${issue.format}`)
        : issue.message;
      const exact =
        issue.format === 'regex' && issue.message.startsWith('Invalid ')
          ? `text that matches ${issue.pattern ?? 'the pattern'}`
          : wanted;
      return one(`${shown(path, value)} is not valid; it must be ${exact}`, `Write ${exact}.`);
    }
    case 'invalid_key': {
      const key = String(path.at(-1) ?? '');
      const inner = issue.issues[0]?.message ?? '';
      const why =
        !inner.includes(',') || inner.startsWith('Invalid ')
          ? 'has a character that is not allowed there, or the wrong length'
          : `must be ${inner}`;
      return one(`the key ${JSON.stringify(short(key))} ${why}`, 'Rename the key.');
    }
    case 'invalid_element':
      return issue.issues.flatMap((inner) => explain(inner, path, document));
    case 'not_multiple_of':
      return one(
        `must be a multiple of ${String(issue.divisor)}`,
        `Write a multiple of ${String(issue.divisor)}.`,
      );
    case 'custom': {
      const code = errorCode(issue.params?.code);
      const fix: unknown = issue.params?.fix;
      return one(
        issue.message,
        typeof fix === 'string'
          ? fix
          : code === 'VALIDATION_FAILED'
            ? 'Correct the field as the message says.'
            : ERROR_TABLE[code].fix,
        code,
      );
    }
  }
}

function explainUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  document: Document,
): readonly FieldViolation[] {
  const value = valueAt(document.input, path);
  if (issue.discriminator !== undefined && 'options' in issue && Array.isArray(issue.options)) {
    return oneOf(path, value, issue.options.map(String));
  }
  const at = formatPath(path);
  if (!issue.message.startsWith('Invalid ')) {
    const got = value === undefined ? 'is required' : `${describe(value)} is not valid`;
    return [
      {
        path: at,
        code: 'VALIDATION_FAILED',
        message: `${got}; it must be ${issue.message}`,
        fix: `Write ${issue.message}.`,
      },
    ];
  }
  // The branch the author most likely meant is the one that knows their keys; only its complaints are of use.
  const ranked = issue.errors
    .map((errors) => ({ errors, score: errors.reduce((sum, e) => sum + misfit(e), 0) }))
    .sort((a, b) => a.score - b.score);
  const [best, second] = ranked;
  if (best !== undefined && (second === undefined || best.score < second.score)) {
    return best.errors.flatMap((e) => explain(e, path, document));
  }
  const fields = fieldsAt(document.schema, path, document.input);
  if (typeof value === 'object' && value !== null && fields.length > 0) {
    const names = fields.map((f) => `\`${f}\``).join(', ');
    return [
      {
        path: at,
        code: 'VALIDATION_FAILED',
        message: `must have exactly one of ${names}`,
        fix: `Write one of ${names}.`,
      },
    ];
  }
  const wanted = [
    ...new Set(
      issue.errors
        .flat()
        .map((e) =>
          e.code === 'invalid_type'
            ? (TYPE_NAMES[e.expected] ?? e.expected)
            : e.code === 'invalid_format'
              ? `text such as ${e.format}`
              : 'another value',
        ),
    ),
  ].join(' or ');
  return [
    {
      path: at,
      code: 'VALIDATION_FAILED',
      message: `${describe(value)} is not valid; it must be ${wanted}`,
      fix: `Write ${wanted}.`,
    },
  ];
}

/** How unlikely it is that the author meant the branch that raised this issue. */
function misfit(issue: Issue): number {
  if (issue.path.length > 0) return issue.code === 'invalid_type' ? 2 : 1;
  return issue.code === 'unrecognized_keys' ? 2 * issue.keys.length : 3;
}

function unknownField(path: Path, key: string, known: readonly string[]): FieldViolation {
  const near = didYouMean(key, known);
  const list =
    known.length === 0 ? 'No field is allowed here.' : `Known fields here: ${[...known].sort().join(', ')}.`;
  return {
    path: formatPath(path),
    code: 'VALIDATION_FAILED',
    message: `unknown field ${JSON.stringify(short(key))}`,
    fix: near === undefined ? `Remove it. ${list}` : `Did you mean ${JSON.stringify(near)}?`,
  };
}

function oneOf(
  path: Path,
  value: unknown,
  options: readonly z.core.util.Primitive[],
): readonly FieldViolation[] {
  // As they are to be written: `true` is not `"true"`.
  const list = options.map((o) => (typeof o === 'string' ? JSON.stringify(o) : String(o))).join(', ');
  const near = typeof value === 'string' ? didYouMean(value, options.map(String)) : undefined;
  const message =
    value === undefined ? `is required (one of ${list})` : `${describe(value)} is not one of ${list}`;
  const fix =
    near === undefined
      ? `Write ${options.length === 1 ? list : `one of ${list}`}.`
      : `Did you mean ${JSON.stringify(near)}?`;
  return [{ path: formatPath(path), code: 'VALIDATION_FAILED', message, fix }];
}

function bounds(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): [message: string, fix: string] {
  const small = issue.code === 'too_small';
  const bound = String(small ? issue.minimum : issue.maximum);
  const exclusive = issue.inclusive === false;
  if (issue.origin === 'number' || issue.origin === 'int' || issue.origin === 'bigint') {
    const text = small
      ? `${exclusive ? 'above' : 'at least'} ${bound}`
      : `${exclusive ? 'below' : 'at most'} ${bound}`;
    return [`must be ${text}`, `Write a number that is ${text}.`];
  }
  const many = (noun: string): string =>
    Number(bound) === 1 ? noun : noun === 'entry' ? 'entries' : `${noun}s`;
  const unit = many(issue.origin === 'string' ? 'character' : 'entry');
  const text = `${small ? 'at least' : 'at most'} ${bound} ${unit}`;
  return [`must have ${text}`, small ? `Add to it until it has ${text}.` : `Shorten it to ${text}.`];
}

const MOST_FIELDS = 12;

/** `origin`, `id`, `private`: what a mapping may have, in the order of its schema. */
function someOf(fields: readonly string[]): string {
  const more = fields.length - MOST_FIELDS;
  const named = fields.slice(0, MOST_FIELDS).map((field) => `\`${field}\``);
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  null: 'null',
};

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  datetime: 'an RFC 3339 time, such as 2027-01-31T12:00:00Z',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  cidrv4: 'an IPv4 CIDR block',
  cidrv6: 'an IPv6 CIDR block',
  starts_with: 'text that starts as the field demands ("/")',
};

/** `describe`, but what stands in a Secret's values is not repeated: messages end up in terminals and build logs (I33). */
function shown(path: Path, value: unknown): string {
  if (!path.includes('stringData')) return describe(value);
  return typeof value === 'string'
    ? 'a text'
    : typeof value === 'number'
      ? 'a number'
      : typeof value === 'boolean'
        ? 'a boolean'
        : describe(value);
}

function describe(value: unknown): string {
  if (value === null) return 'null (empty)';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return JSON.stringify(short(value));
    case 'number':
    case 'boolean':
      return `the ${typeof value} ${String(value)}`;
    case 'undefined':
      return 'nothing';
    default:
      return 'a mapping';
  }
}

/** A hostile value must not fill the message. */
function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function nameOf(path: Path): string {
  const last = path.at(-1);
  return last === undefined
    ? 'the document'
    : typeof last === 'number'
      ? `entry ${last}`
      : `\`${String(last)}\``;
}

function errorCode(value: unknown): ErrorCode {
  return typeof value === 'string' && isErrorCode(value) ? value : 'VALIDATION_FAILED';
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text);
}
