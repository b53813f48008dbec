import { type DomainName, parentOf } from '../src/dns/name.ts';
import { NodeCache } from '../src/dns/packed/node-cache.ts';
import type { RoutedName } from '../src/dns/routed.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { compileZone, reviseZone, type Zone } from '../src/dns/zone.ts';
import type { ZoneSource } from '../src/dns/zone-source.ts';
import { type FieldViolation, PortolanError } from '../src/errors/error.ts';
import type { DnsPart, RoutingPart } from '../src/protocol/snapshot.ts';
import type { ZoneSpec } from '../src/resources/zone.ts';
import type { CompiledPolicy } from '../src/routing/compiled.ts';
import { type Asker, preparePolicy, routedName } from './routed-name.ts';
import { THREAD_SIGNERS, type ZoneSigners } from './zone-signers.ts';

export interface RoutedTableInput extends Asker {
  readonly routing: Pick<RoutingPart, 'sequence' | 'zones' | 'policies' | 'regions'>;
  /** What signed zones are signed with, by origin. A zone that should be signed and has none here is left out: it would be bogus. */
  readonly signing?: DnsPart['signing'];
  /** Default: those of this thread, shared by all its tables. */
  readonly signers?: ZoneSigners;
}

export interface RoutedTable {
  readonly table: AnswerTable;
  /** Policies by hostname, ready for `decide` and `explain`. */
  readonly policies: ReadonlyMap<DomainName, CompiledPolicy>;
  /** Hostnames that lie in none of the zones: nobody can ask this server for them. */
  readonly outsideZones: readonly DomainName[];
  /** What keeps a zone out of the table; paths begin with `zones[i]`. */
  readonly problems: readonly FieldViolation[];
}

/**
 * The table that a name server answers from: every zone with the routed names that lie in it. It holds no states: `view` is
 * read by each query, so that a change of health needs no new table.
 */
export function createRoutedTable(input: RoutedTableInput): RoutedTable {
  const { zones: sources, policies, regions, sequence } = input.routing;
  const origins = new Map(sources.map(({ spec }, index) => [spec.origin, index]));
  const routed: { readonly name: DomainName; readonly routed: RoutedName }[][] = sources.map(() => []);
  const byHostname = new Map<DomainName, CompiledPolicy>();
  const outsideZones: DomainName[] = [];
  for (const policy of policies) {
    const prepared = preparePolicy(policy, regions);
    const answerer = routedName(prepared, input);
    for (const hostname of policy.hostnames) {
      byHostname.set(hostname, prepared.compiled);
      const zone = zoneOf(hostname, origins);
      if (zone === undefined) outsideZones.push(hostname);
      else routed[zone]?.push({ name: hostname, routed: answerer });
    }
  }
  const cache = new NodeCache();
  const zones: Zone[] = [];
  const problems: FieldViolation[] = [];
  sources.forEach(({ spec, signingSha256 }, index) => {
    if (signingSha256 !== undefined && input.signing?.[spec.origin] === undefined) return;
    const result = zoneFrom(spec, sequence, routed[index] ?? [], cache);
    if (result.ok) {
      const zone = signed(result.zone, input);
      if ('origin' in zone) zones.push(zone);
      else problems.push({ ...zone, path: `zones[${index}].${zone.path}` });
    } else problems.push(...result.violations.map((v) => ({ ...v, path: `zones[${index}].${v.path}` })));
  });
  (input.signers ?? THREAD_SIGNERS).keepOnly(new Set(zones.map(({ origin }) => origin)));
  return { table: new AnswerTable(zones), policies: byHostname, outsideZones, problems };
}

/** The zone with the longest origin at or above the name. */
export function zoneOf(name: DomainName, origins: ReadonlyMap<DomainName, number>): number | undefined {
  for (let at: DomainName | undefined = name; at !== undefined; at = parentOf(at)) {
    const zone = origins.get(at);
    if (zone !== undefined) return zone;
  }
  return undefined;
}

/** The zone with its signer, when it has one. */
function signed(zone: Zone, { signing, signers = THREAD_SIGNERS }: RoutedTableInput): Zone | FieldViolation {
  const material = signing?.[zone.origin];
  if (material === undefined) return zone;
  try {
    return { ...zone, signer: signers.signerFor(zone.origin, material) };
  } catch (thrown) {
    const { code, message, fix } = PortolanError.from(thrown);
    return { path: 'dnssec', code, message, fix };
  }
}

/* Specs are immutable: what was made of one is made of it again. On a change, nearly all are the same objects. */
const compiledZones = new WeakMap<ZoneSpec, { readonly zone: Zone; readonly routed: ZoneSource['routed'] }>();

function zoneFrom(
  spec: ZoneSpec,
  serial: number,
  routed: ZoneSource['routed'],
  cache: NodeCache,
): ReturnType<typeof compileZone> {
  const known = compiledZones.get(spec);
  if (known !== undefined && namesAgree(known.routed, routed)) {
    const zone = reviseZone(known.zone, serial, routed, cache);
    compiledZones.set(spec, { zone, routed });
    return { ok: true, zone };
  }
  const result = compileZone({ ...spec, serial, routed }, cache);
  if (!result.ok) return result;
  // A zone just compiled still holds all that was read of its source; the revised one holds the packed names alone.
  const zone = reviseZone(result.zone, serial, routed, cache);
  compiledZones.set(spec, { zone, routed });
  return { ok: true, zone };
}

/** The same names in the same order, each with the same types: all that the checks of a zone look at. */
export function namesAgree(a: ZoneSource['routed'], b: ZoneSource['routed']): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, routed }, at) => {
      const other = b[at];
      return other?.name === name && sameTypes(routed.types, other.routed.types);
    })
  );
}

function sameTypes(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const type of a) if (!b.has(type)) return false;
  return true;
}
