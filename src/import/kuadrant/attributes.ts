import { PortolanError } from '../../errors/error.ts';
import { type CelPurpose, compileCel } from '../../policy/cel.ts';

/** CEL of ours in the place of theirs. */
export interface Translated {
  readonly text: string;
  /** What is not quite the same. */
  readonly differences: readonly string[];
}

export type Translation = Translated | { readonly unsupported: string };

interface Attribute {
  /** Absent: it has nothing here. */
  readonly ours?: string;
  readonly difference?: string;
}

/** Their names, and what stands for them here. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Envoy's path has the query string, ours has not: a check of it must not pass because it never sees one. */
const WITH_QUERY = "(request.query == '' ? request.path : request.path + '?' + request.query)";

/** A beginning without a query string is one of both. */
const PLAIN_BEGINNING = /^\(\s*(?:"[^"\\?]*"|'[^'\\?]*')\s*\)/;

/**
 * Well-known attributes of Kuadrant (its RFC 0002, Envoy's attributes) and of Authorino's context, by the longest name that fits; what follows stays.
 * Those that are missing have nothing here that would mean the same.
 */
export const ATTRIBUTES: Attributes = {
  'request.id': { ours: 'request.id' },
  'request.time': { ours: 'request.time' },
  'request.method': { ours: 'request.method' },
  'request.scheme': { ours: 'request.scheme' },
  'request.host': { ours: 'request.host', difference: 'request.host has no port here' },
  'request.path': { ours: WITH_QUERY },
  'request.url_path': { ours: 'request.path' },
  'request.query': { ours: 'request.query' },
  'request.headers': { ours: 'request.headers' },
  'request.protocol': { ours: 'request.protocol' },
  'request.size': { ours: 'request.size' },
  'request.useragent': { ours: "request.headers['user-agent']" },
  'request.referer': { ours: "request.headers['referer']" },
  'source.address': { ours: 'source.address', difference: 'source.address has no port here' },
  'source.remote_address': { ours: 'source.address' },
  'source.port': { ours: 'source.port' },
  'destination.port': { ours: 'destination.port' },
  'connection.requested_server_name': { ours: 'tls.serverName' },
  'connection.tls_version': {
    ours: 'tls.version',
    difference: 'versions are written as the gateway writes them',
  },
  'auth.identity': { ours: 'auth.identity' },
  'auth.metadata': { ours: 'auth.metadata' },
  'context.request.http.id': { ours: 'request.id' },
  'context.request.http.method': { ours: 'request.method' },
  'context.request.http.scheme': { ours: 'request.scheme' },
  'context.request.http.host': { ours: 'request.host', difference: 'request.host has no port here' },
  'context.request.http.path': { ours: WITH_QUERY },
  'context.request.http.query': { ours: 'request.query' },
  'context.request.http.headers': { ours: 'request.headers' },
  'context.request.http.protocol': { ours: 'request.protocol' },
  'context.request.http.size': { ours: 'request.size' },
  'context.request.time': { ours: 'request.time' },
  'context.source.address.Address.SocketAddress.address': { ours: 'source.address' },
};

const ROOTS = [
  'request',
  'source',
  'destination',
  'connection',
  'auth',
  'context',
  'metadata',
  'upstream',
  'ratelimit',
];

/** Names in an expression, outside of strings: quotes, raw and triple-quoted strings are skipped. */
const NAMES =
  /("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![\w.\])])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)/g;

/** Their CEL as ours: names are replaced, and the result must compile here. */
export function translateCel(
  text: string,
  purpose: CelPurpose,
  attributes: Attributes = ATTRIBUTES,
): Translation {
  const differences = new Set<string>();
  let unknown: string | undefined;
  const replaced = (
    whole: string,
    quoted: string | undefined,
    name: string | undefined,
    offset: number,
  ): string => {
    if (quoted !== undefined || name === undefined) return whole;
    const [root = ''] = name.split('.');
    if (!ROOTS.includes(root)) return whole;
    const parts = name.split('.');
    for (let count = parts.length; count > 0; count -= 1) {
      const attribute = attributes[parts.slice(0, count).join('.')];
      if (attribute === undefined) continue;
      if (attribute.ours === undefined) break;
      if (attribute.difference !== undefined) differences.add(attribute.difference);
      const rest = parts.slice(count);
      const beginning =
        rest.join('.') === 'startsWith' && PLAIN_BEGINNING.test(text.slice(offset + whole.length));
      const ours = attribute.ours === WITH_QUERY && beginning ? 'request.path' : attribute.ours;
      return [ours, ...rest].join('.');
    }
    unknown ??= name;
    return whole;
  };
  const ours = text.replace(NAMES, replaced);
  if (unknown !== undefined) return { unsupported: `there is no ${unknown} here` };
  const problem = celProblem(ours, purpose);
  return problem === undefined ? { text: ours, differences: [...differences] } : { unsupported: problem };
}

/** Why it cannot be used here, if so. */
export function celProblem(text: string, purpose: CelPurpose): string | undefined {
  try {
    compileCel(text, purpose);
    return undefined;
  } catch (thrown) {
    return `it is no expression here: ${PortolanError.from(thrown).message}`;
  }
}

/** An Authorino selector (a path of gjson, `\.` for a dot in a name) as CEL, and CEL that says whether it is there. */
export function translateSelector(
  selector: string,
  attributes: Attributes = ATTRIBUTES,
): (Translated & { readonly present: string }) | { readonly unsupported: string } {
  if (/[@#|*?{}!<>=%]/.test(selector))
    return { unsupported: 'modifiers and queries of selectors are not known here' };
  const parts = selector.match(/(?:\\.|[^.\\])+/g)?.map((part) => part.replaceAll(/\\(.)/g, '$1')) ?? [];
  for (let count = parts.length; count > 0; count -= 1) {
    const attribute = attributes[parts.slice(0, count).join('.')];
    if (attribute === undefined) continue;
    const { ours, difference } = attribute;
    if (ours === undefined) break;
    const rest = parts.slice(count);
    const text = rest.reduce(member, ours);
    const differences = difference === undefined ? [] : [difference];
    const present = rest.map((_, i) => has(rest.slice(0, i).reduce(member, ours), rest[i] ?? ''));
    return { text, present: present.join(' && ') || 'true', differences };
  }
  return { unsupported: `there is no ${selector} here` };
}

const IDENTIFIER = /^[A-Za-z_]\w*$/;

function member(object: string, name: string): string {
  if (/^\d+$/.test(name)) return `${object}[${name}]`;
  return IDENTIFIER.test(name) && object !== 'request.headers'
    ? `${object}.${name}`
    : `${object}[${quoted(name)}]`;
}

function has(object: string, name: string): string {
  if (/^\d+$/.test(name)) return `size(${object}) > ${name}`;
  return `${quoted(name)} in ${object}`;
}

/** A CEL string. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;
}
