import type { DomainName } from '../../src/dns/name.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { DnsProviderStatus, ProviderZoneStatus } from '../../src/resources/dns-provider.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import type { TrafficPolicyStatus } from '../../src/resources/traffic-policy.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { NameVerification, ZoneVerification } from '../verify/verifier.ts';
import type { DeskZone, ProviderDesk } from './desk.ts';
import { reportedOf } from './reported-name.ts';

export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
type PolicyDns = NonNullable<TrafficPolicyStatus['dns']>;

/** What DNS providers add to statuses. */
export interface DnsStatus {
  /** `undefined`: nothing is known yet, so what is stored stays. */
  provider(
    resource: Resource<'DNSProvider'>,
  ): { readonly verdict: Verdict; readonly zones: DnsProviderStatus['zones'] } | undefined;
  /** `undefined`: no zone of a DNSProvider holds a hostname of the policy. `starting`: what is stored stays. */
  policy(
    resource: Resource<'TrafficPolicy'>,
  ): { readonly entries: PolicyDns; readonly verdicts: readonly Verdict[] } | 'starting' | undefined;
  /** Hostnames of the policy that lie in a zone of a DNSProvider of its namespace. */
  holds(namespace: string, hostname: DomainName): boolean;
}

export interface DnsStatusOptions {
  readonly desk: Pick<ProviderDesk, 'zones' | 'zonesOf' | 'problemOf' | 'started' | 'zonesFor'>;
  readonly verification: (zone: DeskZone) => ZoneVerification | undefined;
}

/** More names that wait than this are no longer read one by one. */
const MAX_HELD = 50;

export function createDnsStatus({ desk, verification }: DnsStatusOptions): DnsStatus {
  function zoneStatus(zone: DeskZone): ProviderZoneStatus {
    const { state } = zone.worker;
    const { memory, plan } = state;
    const seen = verification(zone);
    const disagreement = seen?.disagreements[0];
    return {
      origin: zone.held.wanted.origin,
      id: state.id,
      ...(memory.generation === 0 ? {} : { generation: memory.generation }),
      ...(memory.appliedAt === undefined ? {} : { appliedAt: memory.appliedAt }),
      names: plan?.names ?? 0,
      held: state.held.slice(0, MAX_HELD),
      ...(plan?.waitsForApproval === undefined ? {} : { waitsForApproval: plan.hash }),
      ...(memory.heldAtGeneration === undefined ? {} : { heldAtGeneration: memory.heldAtGeneration }),
      ...(state.error === undefined ? {} : { error: `${state.error.code}: ${state.error.message}` }),
      verified: verifiedOf(zone, seen),
      ...(disagreement === undefined ? {} : { disagreement }),
    };
  }

  function verifiedOf(zone: DeskZone, seen: ZoneVerification | undefined): ProviderZoneStatus['verified'] {
    if (!zone.held.resource.spec.verify.enabled) return 'off';
    return seen?.verified ?? 'pending';
  }

  return {
    provider(resource) {
      if (!desk.started) return undefined;
      const key = objectKey(resource.metadata.namespace, resource.metadata.name);
      const zones = desk.zonesOf(key);
      const problem =
        desk.problemOf(key) ?? zones.find((z) => z.worker.state.error !== undefined)?.worker.state.error;
      const unread = zones.filter((z) => z.worker.state.readAtMs === undefined).length;
      const verdict: Verdict =
        problem !== undefined
          ? {
              type: 'Ready',
              status: 'False',
              reason: reasonOf(problem.code),
              message: `${problem.message}. ${problem.fix}`,
            }
          : unread > 0
            ? {
                type: 'Ready',
                status: 'Unknown',
                reason: 'Reading',
                message: `${unread} zones are being read`,
              }
            : {
                type: 'Ready',
                status: 'True',
                reason: resource.spec.frozen ? 'Frozen' : 'Connected',
                message: resource.spec.frozen
                  ? 'plans are made and shown, but nothing is written: spec.frozen'
                  : `${zones.length === 1 ? '1 zone is' : `${zones.length} zones are`} looked after`,
              };
      return { verdict, zones: zones.map(zoneStatus) };
    },
    policy(resource) {
      const { namespace, name } = resource.metadata;
      const key = objectKey(namespace, name);
      if (!resource.spec.hostnames.some((hostname) => desk.zonesFor(namespace, hostname).length > 0))
        return undefined;
      if (!desk.started) return 'starting';
      const entries: PolicyDns[number][] = [];
      const heldBack = new Set<string>();
      const before = new Map(resource.status?.dns?.map((entry) => [entryKey(entry), entry]));
      let verify: { status: Verdict['status']; reason: string; message: string } = {
        status: 'True',
        reason: 'Agreed',
        message: 'all authoritative servers answer what is published',
      };
      for (const hostname of resource.spec.hostnames) {
        for (const { key: zoneKey, provider, wanted } of desk.zonesFor(namespace, hostname)) {
          const zone = desk.zones.get(zoneKey);
          const reported = zone === undefined ? undefined : reportedOf(zone.names, key, hostname);
          if (zone === undefined || reported === undefined) {
            const problem = desk.problemOf(provider) ?? zone?.worker.state.error;
            entries.push({
              hostname,
              provider,
              zone: wanted.origin,
              outcome: 'refused',
              features: [],
              hubDown: 'Nothing is changed at the provider, with the hub or without.',
              problem:
                problem === undefined ? 'the zone is being read' : `${problem.code}: ${problem.message}`,
            });
            if (verify.status !== 'False')
              verify = {
                status: 'Unknown',
                reason: 'Pending',
                message: `${hostname} at ${provider} is not published yet`,
              };
            continue;
          }
          const was = before.get(entryKey({ provider, zone: wanted.origin, hostname }));
          const problem = problemOf(zone, hostname);
          if (isHeldBack(zone, hostname)) heldBack.add(entryKey({ provider, zone: wanted.origin, hostname }));
          const seen = verification(zone);
          const verified = seen?.names.get(hostname);
          const verifiedAt =
            verified?.state === 'verified' ? new Date(verified.atMs).toISOString() : undefined;
          const programmedAt = zone.programmedAt.get(hostname) ?? was?.programmedAt;
          const unverified =
            verified?.state === 'no'
              ? (verified.disagreements[0] ?? 'the authoritative servers do not agree')
              : undefined;
          entries.push({
            ...reported.report,
            ...(problem === undefined && programmedAt !== undefined ? { programmedAt } : {}),
            ...(problem === undefined && verifiedAt !== undefined ? { verifiedAt } : {}),
            ...(problem === undefined
              ? unverified === undefined
                ? {}
                : { problem: unverified }
              : { problem }),
          });
          if (verifiedOf(zone, seen) === 'off') {
            if (verify.status === 'True')
              verify = {
                status: 'Unknown',
                reason: 'Off',
                message: seen?.reason ?? 'spec.verify.enabled is false',
              };
          } else if (problem === undefined && unverified !== undefined)
            verify = { status: 'False', reason: 'Disagreement', message: unverified };
          else if (verify.status !== 'False' && verifiedAt === undefined)
            verify = {
              status: 'Unknown',
              reason: 'Pending',
              message: `${hostname} at ${provider} is not verified yet${stillWrong(verified)}`,
            };
        }
      }
      const broken = entries.filter((entry) => entry.programmedAt === undefined);
      const first = broken[0];
      const programmed: Verdict =
        first === undefined
          ? {
              type: 'Programmed',
              status: 'True',
              reason: 'Published',
              message: `in ${[...new Set(entries.map((e) => `${e.zone} at ${e.provider}`))].join(', ')}`,
            }
          : {
              type: 'Programmed',
              status: 'False',
              reason: heldBack.has(entryKey(first))
                ? 'Held'
                : first.outcome === 'refused' && first.problem !== 'the zone is being read'
                  ? 'Refused'
                  : 'Pending',
              message: `${first.hostname} at ${first.provider}: ${first.problem ?? 'not written yet'}`,
            };
      return { entries, verdicts: [programmed, { type: 'Verified', ...verify }] };
    },
    holds: (namespace, hostname) => desk.zonesFor(namespace, hostname).length > 0,
  };
}

/** Which server is still behind, and what it answered. */
function stillWrong(verified: NameVerification | undefined): string {
  const [first] = verified?.state === 'pending' ? (verified.disagreements ?? []) : [];
  return first === undefined ? '' : `: ${first}`;
}

/** Why a name is not there as it is wanted. */
function problemOf(zone: DeskZone, hostname: DomainName): string | undefined {
  const { state } = zone.worker;
  const reported = zone.names.find((n) => n.desired.name === hostname);
  const { refusal, features } = reported?.report ?? {};
  if (reported?.pending !== undefined) return reported.pending;
  if (isHeldBack(zone, hostname)) return heldText(zone);
  const held = state.held.find((h) => h.name === hostname);
  if (held !== undefined) return `${held.code}: ${held.message}. ${held.fix}`;
  if (reported?.desired.sets === undefined) {
    if (refusal !== undefined) return `${refusal.message} ${refusal.fix}`;
    const refused = features?.find((f) => f.handling === 'refused');
    return refused === undefined
      ? 'nothing can be said of it now'
      : `${refused.detail} ${refused.fix ?? ''}`.trim();
  }
  // A change that is due and cannot be sent: what was there before does not count any more.
  const behind = state.error !== undefined && state.plan?.groups.some((group) => group.name === hostname);
  if (state.programmed.has(hostname) && behind !== true) return undefined;
  if (state.error !== undefined) return `${state.error.code}: ${state.error.message}`;
  if (zone.held.resource.spec.frozen) return 'PROVIDER_FROZEN: the DNSProvider is frozen';
  if (state.memory.heldAtGeneration !== undefined) return heldText(zone);
  return 'not written yet';
}

/** Another record is wanted than the one that a rollback holds. */
function isHeldBack({ worker: { state } }: DeskZone, hostname: DomainName): boolean {
  return state.heldBack.has(hostname);
}

function heldText({ worker, held: { provider, wanted } }: DeskZone): string {
  const generation = worker.state.memory.heldAtGeneration ?? 0;
  return `PROVIDER_FROZEN: a rollback holds ${wanted.origin} at generation ${generation}, and something else is wanted now. See it: \`portolan provider plan ${provider}\`; have it published: \`portolan provider resume ${provider} --zone ${wanted.origin.slice(0, -1)}\`.`;
}

function entryKey(entry: {
  readonly provider: ObjectKey;
  readonly zone: string;
  readonly hostname: string;
}): string {
  return `${entry.provider} ${entry.zone} ${entry.hostname}`;
}

/** `PROVIDER_ZONE_MISSING` as programs read conditions: `ZoneMissing`. */
function reasonOf(code: string): string {
  return code
    .replace(/^PROVIDER_/, '')
    .split('_')
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join('');
}
