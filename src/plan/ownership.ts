import { type DomainName, isAtOrBelow, tryParseName } from '../dns/name.ts';
import { PortolanError } from '../errors/error.ts';
import type { RecordSet } from './record-set.ts';

/*
 * Names that are ours beside the hostnames of a zone. They lie below `_portolan.<origin>`, beside the hostname and not below it: what lies below a
 * hostname would be hidden by a delegation there, and would end what a wildcard covers.
 */

/** TTL of markers and fences; nobody but hubs looks at them. */
export const OWN_TTL_SECONDS = 300;

const SPACE = '_portolan';
const OWNER = '_owner';
const FENCE = '_fence';
const POOL = '_pool';
const APEX = '_apex';
const WILDCARD = '_wildcard';

/** `www.shop` for `www.shop.example.com.` in `example.com.`; empty for the apex. @throws PortolanError DNS_NAME_INVALID for a name outside */
export function relativeLabel(origin: DomainName, name: DomainName): string {
  if (!isAtOrBelow(name, origin)) {
    throw new PortolanError('DNS_NAME_INVALID', `${name} does not lie in the zone ${origin}`);
  }
  if (name === origin) return '';
  return origin === '.' ? name.slice(0, -1) : name.slice(0, -origin.length - 1);
}

/** As `relativeLabel`, as it stands in names below `_portolan`. */
function hostLabels(origin: DomainName, name: DomainName): string {
  const relative = relativeLabel(origin, name);
  if (relative === '') return APEX;
  const first = relative.split('.', 1)[0];
  if (relative === APEX || first === WILDCARD || isAtOrBelow(name, spaceOf(origin))) {
    throw new PortolanError(
      'DNS_NAME_INVALID',
      `${name} cannot be published: names that begin with ${APEX} or ${WILDCARD}, and those below ${spaceOf(origin)}, are Portolan's own`,
      { fix: 'Use another hostname.' },
    );
  }
  return first === '*' ? `${WILDCARD}${relative.slice(1)}` : relative;
}

function inverseLabels(origin: DomainName, labels: string): DomainName | undefined {
  if (labels === APEX) return origin;
  const relative =
    labels === WILDCARD || labels.startsWith(`${WILDCARD}.`) ? `*${labels.slice(WILDCARD.length)}` : labels;
  const name = nameOrUndefined(join(relative, origin));
  // What leads back by another way was not written by us: a hostname in our own space, a wildcard spelt `*`.
  if (name === undefined || labels.startsWith('*') || isAtOrBelow(name, spaceOf(origin))) return undefined;
  return name;
}

function join(labels: string, origin: DomainName): string {
  return origin === '.' ? `${labels}.` : `${labels}.${origin}`;
}

function nameOrUndefined(text: string): DomainName | undefined {
  const name = tryParseName(text);
  return typeof name === 'string' ? name : undefined;
}

function derived(origin: DomainName, name: DomainName, labels: string): DomainName {
  const found = tryParseName(join(labels, origin));
  if (typeof found === 'string') return found;
  throw new PortolanError(
    'DNS_NAME_INVALID',
    `${name} is too long to be published: a name that Portolan needs beside it would not fit (${found.reason})`,
    { fix: 'Use a shorter hostname, or delegate it to the embedded name servers as a zone of its own.' },
  );
}

/** `_portolan.<origin>`: everything below is ours. */
export function spaceOf(origin: DomainName): DomainName {
  return derived(origin, origin, SPACE);
}

/** Where the ownership marker of a hostname stands. @throws PortolanError DNS_NAME_INVALID when the hostname leaves no room for it */
export function markerName(origin: DomainName, name: DomainName): DomainName {
  return derived(origin, name, `${hostLabels(origin, name)}.${OWNER}.${SPACE}`);
}

/** The hostname that a marker at `name` is of; `undefined` when it is not a marker's name. */
export function markedName(origin: DomainName, name: DomainName): DomainName | undefined {
  const labels = labelsBefore(origin, name, OWNER);
  return labels === undefined ? undefined : inverseLabels(origin, labels);
}

/** Where an owner's fence stands in a zone. */
export function fenceName(origin: DomainName, owner: string): DomainName {
  return derived(origin, origin, `${owner}.${FENCE}.${SPACE}`);
}

/** Below it lie the names that a hostname leans on, each of one label more. @throws PortolanError DNS_NAME_INVALID, as `markerName` */
export function poolSuffix(origin: DomainName, name: DomainName): DomainName {
  return derived(origin, name, `${hostLabels(origin, name)}.${POOL}.${SPACE}`);
}

/** The hostname that the pool at `name` (`<label>.<poolSuffix>`) is of; `undefined` when it is not a pool's name. */
export function pooledName(origin: DomainName, name: DomainName): DomainName | undefined {
  const labels = labelsBefore(origin, name, POOL);
  const dot = labels?.indexOf('.') ?? -1;
  return labels === undefined || dot < 0 ? undefined : inverseLabels(origin, labels.slice(dot + 1));
}

/** What stands before `.<kind>._portolan.<origin>` in a name. */
function labelsBefore(origin: DomainName, name: DomainName, kind: string): string | undefined {
  const tail = `.${join(`${kind}.${SPACE}`, origin)}`;
  return name.endsWith(tail) && name.length > tail.length ? name.slice(0, -tail.length) : undefined;
}

/** What of a zone is decided by whoever owns `name`, given the types and names below it that its marker lists. */
export interface OwnedScope {
  readonly name: DomainName;
  /** Types at the name itself. */
  readonly types: readonly string[];
  /** Names below the hostname whose addresses are ours: glue of a delegation. */
  readonly below: readonly DomainName[];
}

/** Types that glue has. */
export const GLUE_TYPES: readonly string[] = ['A', 'AAAA'];

/** Glue lies below what is delegated, which is never the apex: a marker that names anything else gives no right to it. */
function isGlue(origin: DomainName, set: RecordSet, name: DomainName): boolean {
  return GLUE_TYPES.includes(set.type) && name !== origin && set.name !== name && isAtOrBelow(set.name, name);
}

/** True when a set belongs to an owned name: of one of its types at the name, in its pools, or its glue. */
export function belongsTo(origin: DomainName, set: RecordSet, scope: OwnedScope): boolean {
  if (set.name === scope.name) return scope.types.includes(set.type);
  if (scope.below.includes(set.name)) return isGlue(origin, set, scope.name);
  return pooledName(origin, set.name) === scope.name;
}
