import type { DomainName } from '../dns/name.ts';
import { parseType } from '../dns/types.ts';
import type { ErrorCode } from '../errors/table.ts';
import { ERROR_TABLE } from '../errors/table.ts';
import type { RecordSet } from './record-set.ts';
import { shortHash } from './zone-inventory.ts';
import type { DesiredName, HeldName, ZonePlan } from './zone-plan.ts';

/** Why a change waits; the table's fix unless there is a more exact one. */
export function hold(
  name: DomainName,
  code: ErrorCode,
  message: string,
  fix: string = ERROR_TABLE[code].fix,
): HeldName {
  return { name, code, message, fix };
}

/** Without the dot at the end, as people type it. */
export const spoken = (name: DomainName): string => (name === '.' ? name : name.slice(0, -1));

/** Of the apex: who serves the zone, and the chain of trust. A mistake there takes the whole zone away. */
const APEX_TYPES: ReadonlySet<string> = new Set([
  'SOA',
  'NS',
  'DS',
  'DNSKEY',
  'CDS',
  'CDNSKEY',
  'NSEC3PARAM',
]);

/** True for records that no plan changes: those of the apex that hold the zone up, and what a signer makes. */
export function isProtected(origin: DomainName, name: DomainName, type: string): boolean {
  if (type === 'SOA' || type === 'RRSIG' || type === 'NSEC' || type === 'NSEC3') return true;
  return name === origin && APEX_TYPES.has(type);
}

/** @returns why the name waits, when it asks for records that no plan changes */
export function guardProtected(origin: DomainName, desired: DesiredName): HeldName | undefined {
  const asked = (desired.sets ?? []).filter((set) => isProtected(origin, set.name, set.type));
  if (asked.length === 0) return undefined;
  const list = asked.map((set) => `${set.type} at ${set.name}`).join(', ');
  return hold(desired.name, 'RECORDS_PROTECTED', `${asked.length} of its records are never changed: ${list}`);
}

/** A CNAME answers for every type; so do a provider's own kinds (LUA), which are no DNS types. */
const answersAll = (type: string): boolean => type === 'CNAME' || parseType(type) === undefined;

/** DS is about the delegation: it goes when a zone is unsigned. */
const NOT_ANSWERS: ReadonlySet<string> = new Set(['DS']);

/**
 * I4: no name and type loses its last record unless somebody wants that.
 * @param present the owned sets at the name now
 */
export function guardNeverEmpty(
  desired: DesiredName,
  sets: readonly RecordSet[],
  present: readonly RecordSet[],
): HeldName | undefined {
  const { name } = desired;
  const mayEmpty = desired.mayEmpty ?? [];
  const wanted = sets.filter((set) => set.name === name);
  const hollow = sets.find((set) => set.values.length === 0 && set.native === undefined);
  if (hollow !== undefined) {
    return hold(name, 'RECORDS_EMPTY', `the ${hollow.type} set of ${hollow.name} would have 0 values`);
  }
  const types = new Set(wanted.map((set) => set.type));
  if ([...types].some(answersAll)) return undefined;
  const lost = [...new Set(present.map((set) => set.type))].filter((type) => {
    if (types.has(type) || NOT_ANSWERS.has(type) || mayEmpty.includes(type)) return false;
    return answersAll(type) ? types.size === 0 : true;
  });
  if (lost.length > 0) {
    const count = present.filter((set) => lost.includes(set.type)).length;
    return hold(
      name,
      'RECORDS_EMPTY',
      `${count} set${count === 1 ? '' : 's'} of ${lost.join(' and ')} would go, and nothing would answer ${lost.join(' and ')} of ${spoken(name)}`,
    );
  }
  if (wanted.length > 0 || present.length > 0 || mayEmpty.length > 0) return undefined;
  return hold(name, 'RECORDS_EMPTY', 'there is nothing to publish: 0 sets');
}

export interface RemovalInput {
  readonly origin: DomainName;
  /** Owned names that nothing wants any more. */
  readonly removed: readonly DomainName[];
  /** Names we own now. */
  readonly owned: number;
  readonly deletions: 'allow' | 'never';
  readonly maxRemovedPercent: number;
  readonly approved: ReadonlySet<string>;
}

export interface RemovalVerdict {
  readonly allowed: boolean;
  readonly held: readonly HeldName[];
  readonly waits: ZonePlan['waitsForApproval'];
  /** Names these removals for approval. */
  readonly hash: string;
}

/**
 * How many names one plan may remove. A source that is empty by mistake would otherwise empty the zone. One name always may go: else nothing could be deleted
 * in a zone of two.
 */
export function guardRemovals(input: RemovalInput): RemovalVerdict {
  const { origin, removed, owned, maxRemovedPercent } = input;
  const hash = shortHash(`${origin} removes ${[...removed].sort().join(' ')}`);
  if (removed.length === 0) return { allowed: true, held: [], waits: undefined, hash };
  if (input.deletions === 'never') {
    const held = removed.map((name) =>
      hold(
        name,
        'PROVIDER_FROZEN',
        `${spoken(name)} is not wanted any more, but \`spec.deletions\` is \`never\``,
        'Set `spec.deletions: allow` on the DNSProvider, or delete the records at the provider.',
      ),
    );
    return { allowed: false, held, waits: undefined, hash };
  }
  const within = removed.length === 1 || removed.length * 100 <= maxRemovedPercent * owned;
  if (within || input.approved.has(hash)) return { allowed: true, held: [], waits: undefined, hash };
  const percent = Math.round((removed.length * 100) / owned);
  const message = `${removed.length} of ${owned} names of ${spoken(origin)} would be removed: ${percent} %, and ${maxRemovedPercent} % may go at once`;
  const fix = `Look at them with \`portolan provider plan <name>\`, and let them go with \`portolan provider approve <name> --zone ${spoken(origin)} --plan ${hash}\`.`;
  return {
    allowed: false,
    held: removed.map((name) => hold(name, 'PLAN_NEEDS_APPROVAL', message, fix)),
    waits: { code: 'PLAN_NEEDS_APPROVAL', message, fix, names: [...removed].sort() },
    hash,
  };
}
