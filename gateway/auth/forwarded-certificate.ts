import type { X509Certificate } from 'node:crypto';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';
import type { Fields } from '../request.ts';
import { DOUBTFUL, fieldOnce } from './credentials.ts';

/** Leaf first. */
export type Chain = readonly X509Certificate[];

/** Headers in which proxies tell the client's certificate; a client's own are never passed on. */
export const CERTIFICATE_HEADERS: readonly string[] = [
  'client-cert',
  'client-cert-chain',
  'x-forwarded-client-cert',
];

const MAX_CERTIFICATES = 10;

/** `Client-Cert` and `Client-Cert-Chain` (RFC 9440): byte sequences of structured fields (RFC 9651 section 3.3.5), DER inside. */
export function clientCertChain(fields: Fields): Chain | undefined | typeof DOUBTFUL {
  const leaf = fieldOnce(fields, 'client-cert');
  if (leaf === undefined) return undefined;
  if (leaf === DOUBTFUL) return DOUBTFUL;
  const others: string[] = [];
  // The chain is a list: several fields are one.
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'client-cert-chain') others.push(...(fields[i + 1] ?? '').split(','));
  }
  if (others.length >= MAX_CERTIFICATES) return DOUBTFUL;
  const chain = [leaf, ...others].map(byteSequence);
  return allOf(chain.map((der) => (der === undefined ? undefined : readCertificate(der))));
}

function byteSequence(item: string): Uint8Array | undefined {
  const [, encoded] = /^\s*:([A-Za-z0-9+/]+={0,2}):\s*$/.exec(item) ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
}

/**
 * Envoy's `x-forwarded-client-cert`: elements with commas between, one per proxy; the last is what the nearest proxy saw. It must hold the
 * certificate itself (`Cert` or `Chain`, URL-encoded PEM): a name or digest alone proves nothing that could be checked here.
 */
export function xfccChain(fields: Fields): Chain | undefined | typeof DOUBTFUL {
  const field = fieldOnce(fields, 'x-forwarded-client-cert');
  if (field === undefined || field === '') return undefined;
  if (field === DOUBTFUL) return DOUBTFUL;
  const elements = splitOutsideQuotes(field, ',');
  const last = elements?.at(-1);
  if (last === undefined) return DOUBTFUL;
  const pairs = splitOutsideQuotes(last, ';');
  if (pairs === undefined) return DOUBTFUL;
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals === -1) return DOUBTFUL;
    const name = pair.slice(0, equals).trim().toLowerCase();
    if (values.has(name) && (name === 'cert' || name === 'chain')) return DOUBTFUL;
    values.set(name, unquoted(pair.slice(equals + 1).trim()));
  }
  const encoded = values.get('chain') ?? values.get('cert');
  if (encoded === undefined) return DOUBTFUL;
  let pem: string;
  try {
    pem = decodeURIComponent(encoded);
  } catch {
    return DOUBTFUL;
  }
  const certificates = splitPem(pem);
  if (certificates.length === 0 || certificates.length > MAX_CERTIFICATES) return DOUBTFUL;
  return allOf(certificates.map((one) => readCertificate(one)));
}

function allOf(chain: readonly (X509Certificate | undefined)[]): Chain | typeof DOUBTFUL {
  const read = chain.filter((certificate) => certificate !== undefined);
  return read.length === chain.length ? read : DOUBTFUL;
}

/** Splits text at a separator that stands in no quotes; undefined when a quote is not closed. */
function splitOutsideQuotes(text: string, separator: string): readonly string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (quoted && character === '\\') i += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  if (quoted) return undefined;
  parts.push(text.slice(start));
  return parts;
}

function unquoted(value: string): string {
  return value.startsWith('"') && value.endsWith('"') && value.length >= 2
    ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1')
    : value;
}
