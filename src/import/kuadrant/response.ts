import { compact } from './documents.ts';
import type { Field } from './ledger.ts';
import { literalHeaders } from './metadata-rules.ts';
import { type Patterns, valueExpression } from './patterns.ts';

export interface Response {
  readonly as: Readonly<Record<string, unknown>>;
  /**
   * Properties of `success.filters`: there they reach RateLimitPolicies as `auth.<filter>.<property>`, most often `auth.identity.userid`; here they become
   * fields of the identity.
   */
  readonly handedOn: Readonly<Record<string, string>>;
}

export function responseOf(response: Field | undefined, patterns: Patterns): Response {
  const success = response?.get('success');
  return {
    as: compact({
      headers: headersOf(success?.get('headers'), patterns),
      unauthenticated: denialOf(response?.get('unauthenticated'), patterns),
      unauthorized: denialOf(response?.get('unauthorized'), patterns),
    }),
    handedOn: filtersOf(success?.get('filters'), patterns),
  };
}

function headersOf(headers: Field | undefined, patterns: Patterns): Readonly<Record<string, string>> {
  const made: Record<string, string> = {};
  for (const [name, header] of headers?.entries() ?? []) {
    const plain = header.get('plain');
    const conditional = header.get('when') !== undefined && patterns.list(header.get('when'))?.length !== 0;
    if (plain === undefined || conditional) {
      header.tell(
        'unsupported',
        "a header is one value, always set: no JSON object, no wristband, no condition; the client's own is taken away",
      );
      made[(header.text('key') ?? name).toLowerCase()] = NO_VALUE;
      continue;
    }
    const text = valueExpression(plain, patterns.attributes);
    header.exact('key', 'priority');
    header.get('metrics')?.tell('exact', 'every rule has metrics');
    made[(header.text('key') ?? name).toLowerCase()] = text ?? NO_VALUE;
  }
  return made;
}

/** Fails always: the header is not set, and what the client sent under its name does not reach the backend, which would believe it. */
const NO_VALUE = "auth.metadata['not imported']";

function filtersOf(filters: Field | undefined, patterns: Patterns): Readonly<Record<string, string>> {
  const made: Record<string, string> = {};
  for (const [name, filter] of filters?.entries() ?? []) {
    const properties = filter.get('json')?.get('properties');
    const conditional = filter.get('when') !== undefined && patterns.list(filter.get('when'))?.length !== 0;
    if (properties === undefined || conditional || (filter.text('key') ?? name) !== 'identity') {
      filter.tell(
        'unsupported',
        'only the properties of a filter `identity` are handed on to limits, as fields of the identity',
      );
      continue;
    }
    for (const [property, value] of properties.entries()) {
      const text = valueExpression(value, patterns.attributes);
      if (text !== undefined) made[property] = text;
    }
    filter.exact('priority', 'key');
    filter.get('metrics')?.tell('exact', 'every rule has metrics');
  }
  return made;
}

function denialOf(denial: Field | undefined, patterns: Patterns): Readonly<Record<string, unknown>> {
  if (denial === undefined) return {};
  const code = denial.get('code')?.value;
  denial.exact('code');
  denial
    .get('message')
    ?.tell(
      'approximate',
      'told in the problem document, where the body is not set: HTTP/2 has no reason phrase',
    );
  const body = denial.get('body');
  return compact({
    status: typeof code === 'number' ? code : undefined,
    headers: literalHeaders(denial.get('headers')),
    body: body === undefined ? undefined : valueExpression(body, patterns.attributes),
  });
}
