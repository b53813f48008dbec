import type { z } from 'zod';
import { type FieldViolation, PortolanError } from '../errors/error.ts';
import {
  INPUT_SCHEMAS,
  isKind,
  KIND_NAMES,
  KINDS,
  type Kind,
  type KindInfo,
  kindNamed,
  type ResourceInput,
} from './catalogue.ts';
import { policyViolations } from './policy-rules.ts';
import { rateLimitViolations } from './rate-limit-rules.ts';
import { routeViolations } from './route-rules.ts';
import { didYouMean } from './suggest.ts';
import { MAX_VIOLATIONS, violationsOf } from './violations.ts';
import { zoneViolations } from './zone-rules.ts';

/** One document after validation, told apart by `kind`: defaults applied, names canonical. */
export type ParsedInput = { [K in Kind]: ResourceInput<K> }[Kind];

/** Nesting above this is refused before anything else looks at the document. */
const MAX_DEPTH = 32;
/** Size of one document as JSON, in bytes. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** Labels and annotations together, in bytes. */
const MAX_METADATA_BYTES = 256 * 1024;

/**
 * Parses one document of any kind; of `expected` when given, where another kind in the document is a violation of `kind`.
 * @throws PortolanError VALIDATION_FAILED with every violation (at most 100), KIND_UNKNOWN, PAYLOAD_TOO_LARGE
 */
export function parseResource(input: unknown, expected?: Kind): ParsedInput {
  const document = checkShape(input);
  const kind = expected ?? kindOf(document);
  switch (kind) {
    case 'Cluster':
      return parseAs(kind, document);
    case 'TrafficPolicy':
      return parseAs(kind, document);
    case 'HealthCheck':
      return parseAs(kind, document);
    case 'Zone':
      return parseAs(kind, document);
    case 'DNSProvider':
      return parseAs(kind, document);
    case 'Secret':
      return parseAs(kind, document);
    case 'Drain':
      return parseAs(kind, document);
    case 'Drill':
      return parseAs(kind, document);
    case 'Gateway':
      return parseAs(kind, document);
    case 'HTTPRoute':
      return parseAs(kind, document);
    case 'GRPCRoute':
      return parseAs(kind, document);
    case 'BackendTLSPolicy':
      return parseAs(kind, document);
    case 'ReferenceGrant':
      return parseAs(kind, document);
    case 'Backend':
      return parseAs(kind, document);
    case 'AuthPolicy':
      return parseAs(kind, document);
    case 'GatewayPolicy':
      return parseAs(kind, document);
    case 'RateLimitPolicy':
      return parseAs(kind, document);
    case 'CallerRouting':
      return parseAs(kind, document);
    case 'Issuer':
      return parseAs(kind, document);
    case 'CertificatePolicy':
      return parseAs(kind, document);
  }
}

/** As `parseResource` for a kind known beforehand; another kind is a violation of `kind`. */
export function parseAs<K extends Kind>(kind: K, input: unknown): ResourceInput<K> {
  const document = checkShape(input);
  const schema: z.ZodType<ResourceInput<K>> = INPUT_SCHEMAS[kind];
  const result = schema.safeParse(document);
  if (!result.success) throw refusal(kind, document, violationsOf(result.error.issues, schema, document));
  const found = [...metadataViolations(result.data), ...specViolations(result.data)];
  if (found.length > 0) throw refusal(kind, document, found.slice(0, MAX_VIOLATIONS));
  return result.data;
}

function specViolations(input: ResourceInput): readonly FieldViolation[] {
  if (isOf(input, 'TrafficPolicy')) return policyViolations(input.spec);
  if (isOf(input, 'Zone')) return zoneViolations(input.spec);
  if (isOf(input, 'HTTPRoute') || isOf(input, 'GRPCRoute')) return routeViolations(input.spec);
  if (isOf(input, 'RateLimitPolicy')) return rateLimitViolations(input.spec);
  return [];
}

function isOf<K extends Kind>(input: ResourceInput, kind: K): input is ResourceInput<K> {
  return input.kind === kind;
}

function metadataViolations(input: ResourceInput): readonly FieldViolation[] {
  const { labels, annotations } = input.metadata;
  const bytes = Buffer.byteLength(JSON.stringify([labels ?? {}, annotations ?? {}]));
  if (bytes <= MAX_METADATA_BYTES) return [];
  return [
    {
      path: 'metadata.annotations',
      code: 'VALIDATION_FAILED',
      message: `labels and annotations have ${bytes} bytes together; at most ${MAX_METADATA_BYTES} are allowed`,
      fix: 'Keep large values elsewhere.',
    },
  ];
}

/** Kinds that a person has reason to expect beside those of the catalogue. */
const NOT_SERVED = new Set(['TLSRoute', 'TCPRoute', 'UDPRoute', 'ListenerSet', 'GatewayClass']);

function kindOf(document: Readonly<Record<string, unknown>>): Kind {
  const { apiVersion, kind } = document;
  if (typeof kind !== 'string' || kind === '') {
    throw new PortolanError('KIND_UNKNOWN', 'the document has no `kind`', {
      fix: `Add \`kind:\` with one of ${KIND_NAMES.join(', ')}.`,
    });
  }
  if (!isKind(kind)) {
    const near = kindNamed(kind) ?? didYouMean(kind, KIND_NAMES);
    if (NOT_SERVED.has(kind)) {
      throw new PortolanError('KIND_UNKNOWN', `${kind} of the Gateway API is not served here`, {
        fix: 'Use Gateway with HTTPRoute or GRPCRoute; docs/gateway-conformance.md lists what there is.',
      });
    }
    throw new PortolanError('KIND_UNKNOWN', `no kind is called ${JSON.stringify(kind.slice(0, 60))}`, {
      fix: near === undefined ? `Use one of ${KIND_NAMES.join(', ')}.` : `Write \`kind: ${near}\`.`,
    });
  }
  const { apiVersions }: KindInfo = KINDS[kind];
  if (!apiVersions.some((known) => known === apiVersion)) {
    const got = typeof apiVersion === 'string' ? JSON.stringify(apiVersion.slice(0, 60)) : 'missing';
    throw new PortolanError('KIND_UNKNOWN', `the apiVersion of this ${kind} is ${got}`, {
      fix: `Write \`apiVersion: ${apiVersions[0]}\`.`,
    });
  }
  return kind;
}

function refusal(kind: Kind, document: unknown, violations: readonly FieldViolation[]): PortolanError {
  const first = violations[0];
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  const what =
    first === undefined
      ? 'it does not fit its schema'
      : `${first.path === '' ? 'the document' : first.path} ${first.message}${more}`;
  // One code for all when they agree, so that a program can act on it.
  const codes = new Set(violations.map((v) => v.code));
  const code = codes.size === 1 && first !== undefined ? first.code : 'VALIDATION_FAILED';
  return new PortolanError(code, `${kind}${nameIn(document)}: ${what}`, {
    violations,
    ...(first === undefined ? {} : { fix: first.fix }),
  });
}

/** ` "namespace/name"` as far as the document says it. */
function nameIn(document: unknown): string {
  const metadata = isMapping(document) ? document.metadata : undefined;
  if (!isMapping(metadata)) return '';
  const { namespace, name } = metadata;
  if (typeof name !== 'string') return '';
  return ` ${JSON.stringify(`${typeof namespace === 'string' ? `${namespace.slice(0, 63)}/` : ''}${name.slice(0, 63)}`)}`;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Refuses what no schema should have to look at: not a mapping, too deep, too large, keys that reach a prototype. */
function checkShape(input: unknown): Readonly<Record<string, unknown>> {
  const fail = (message: string, fix: string): PortolanError =>
    new PortolanError('VALIDATION_FAILED', message, {
      fix,
      violations: [{ path: '', code: 'VALIDATION_FAILED', message, fix }],
    });
  if (!isMapping(input)) {
    throw fail('the document is not a mapping', 'Write a document with apiVersion, kind, metadata and spec.');
  }
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: input, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_DEPTH)
      throw fail(
        `the document is nested more than ${MAX_DEPTH} levels deep`,
        'No resource needs that; check the indentation.',
      );
    if (Object.hasOwn(value, '__proto__'))
      throw fail('"__proto__" is not allowed as a key', 'Remove the key.');
    for (const inner of Object.values(value)) open.push({ value: inner, depth: depth + 1 });
  }
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes > MAX_DOCUMENT_BYTES) {
    throw new PortolanError(
      'PAYLOAD_TOO_LARGE',
      `the document has ${bytes} bytes as JSON; at most ${MAX_DOCUMENT_BYTES} are allowed`,
      {
        fix: 'Split it, for instance a zone into several zones.',
      },
    );
  }
  return input;
}
