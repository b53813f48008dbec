import type { KubeClient, KubeObject } from '../../../kube/contract.ts';
import type { KubeEvents } from '../../../kube/events.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import type { Verdict } from '../../../src/resources/kstatus.ts';
import { canonicalJson } from '../../store/canonical.ts';
import type { Outcome } from '../contract.ts';
import type { HubEntry } from './hub-view.ts';
import { FIELD_MANAGER, FINALIZER } from './kinds.ts';
import type { Mirrored } from './mirrored.ts';
import { mergedEntries, ownOf, type ParentRef } from './shared-status.ts';
import { type StandingCondition, standingConditions } from './standing-conditions.ts';
import { type StatusWish, statusWish, textOfStanding, textOfWish } from './status.ts';
import { wantsHold } from './wanted-set.ts';
import type { ObjectWrite } from './writer.ts';

/** What is known when a write is planned. */
export interface PlanDeps {
  client(): KubeClient | undefined;
  object(id: string): Mirrored | undefined;
  entry(id: string): HubEntry | undefined;
  /** Of what the object says now; undefined: not judged yet. */
  outcome(mirrored: Mirrored): Outcome | undefined;
  events(): KubeEvents | undefined;
  /** By object: what its last Event said, where nothing that stands in Kubernetes shows it. */
  readonly told: Map<string, string>;
  nowIso(): string;
}

/** The next write that an object in Kubernetes needs: its finalizer first, then its status. */
export function planWrite(id: string, deps: PlanDeps): ObjectWrite | undefined {
  const client = deps.client();
  const mirrored = deps.object(id);
  if (mirrored === undefined) deps.told.delete(id);
  if (client === undefined || mirrored === undefined) return undefined;
  const entry = deps.entry(id);
  const wants = wantsHold(mirrored, entry);
  if (mirrored.of.holds && wants !== mirrored.held && !(wants && mirrored.deleting))
    return finalizerWrite(client, mirrored, wants);
  const outcome = deps.outcome(mirrored);
  if (outcome === undefined) return undefined;
  const isHubs = (parent: ParentRef): boolean => {
    const gateway = `Gateway ${parent.namespace ?? mirrored.key.namespace}/${parent.name}`;
    return deps.entry(gateway) !== undefined || deps.object(gateway) !== undefined;
  };
  const wish = statusWish(mirrored, outcome, entry, deps.nowIso(), isHubs);
  if (wish === undefined) return undefined;
  const text = textOfWish(mirrored, wish);
  const standing = textOfStanding(mirrored);
  if (text === standing) return hasPlace(mirrored) ? undefined : eventWrite(mirrored, wish, deps);
  const { resource } = mirrored.of;
  return {
    right: `status of ${resource.plural}.${resource.group}`,
    cools: true,
    text: `status ${mirrored.uid} ${standing} ${withoutTimes(wish)}`,
    async run() {
      await writeStatus(client, mirrored, wish);
      tell(deps, mirrored, wish.accepted);
    },
  };
}

function withoutTimes({ status }: StatusWish): string {
  return canonicalJson(status).replace(/"lastTransitionTime":"[^"]*"/g, '');
}

function finalizerWrite(client: KubeClient, mirrored: Mirrored, add: boolean): ObjectWrite {
  const { of, key, resourceVersion, finalizers } = mirrored;
  const { namespace, name } = key;
  const next = add ? [...finalizers, FINALIZER] : finalizers.filter((one) => one !== FINALIZER);
  return {
    right: `patch ${of.resource.plural}.${of.resource.group}`,
    cools: false,
    text: `finalizer ${mirrored.uid} ${resourceVersion} ${add}`,
    async run() {
      // With the version that was read: a list is replaced as a whole, and must not lose what another wrote meanwhile.
      await client.merge(
        { resource: of.resource, namespace, name },
        { metadata: { resourceVersion, finalizers: next } },
      );
    },
  };
}

/** So often a list that others write too is read anew. */
const TRIES = 5;

async function writeStatus(client: KubeClient, mirrored: Mirrored, wish: StatusWish): Promise<void> {
  const { of, key, uid } = mirrored;
  const { resource } = of;
  const { namespace, name } = key;
  const { group, version, kind } = resource;
  const apiVersion = `${group}/${version}`;
  if (of.status === 'whole' || of.status === 'gateway') {
    const object: KubeObject = { apiVersion, kind, metadata: { name, namespace, uid }, status: wish.status };
    await client.apply(object, resource, { fieldManager: FIELD_MANAGER, force: true, subresource: 'status' });
    return;
  }
  if (of.status === 'none') return;
  for (let attempt = 1; ; attempt += 1) {
    const found = await client.get({ resource, namespace, name });
    if (found?.metadata.uid !== uid) return;
    try {
      const status = mergedEntries(of.status, found.status, wish.status);
      await client.replace({ ...found, status }, resource, 'status');
      return;
    } catch (thrown) {
      if (attempt === TRIES || PortolanError.from(thrown).code !== 'KUBERNETES_CONFLICT') throw thrown;
    }
  }
}

/** Something in its status says how the hub judged it. A Secret has no conditions, and a route that names no Gateway of ours has none of ours. */
function hasPlace({ of, status }: Mirrored): boolean {
  if (of.status === 'none') return false;
  return (of.status !== 'parents' && of.status !== 'ancestors') || ownOf(status, of.status).length > 0;
}

/** Where there is no place for a condition, what the hub does not take is told by an Event alone; and that it takes it, when it did not before. */
function eventWrite(mirrored: Mirrored, { accepted }: StatusWish, deps: PlanDeps): ObjectWrite | undefined {
  if (accepted === undefined) return undefined;
  const before = deps.told.get(mirrored.id);
  const text = toldText(mirrored, accepted);
  if (before === text || (before === undefined && accepted.status === 'True')) return undefined;
  return {
    right: 'create events.events.k8s.io',
    cools: false,
    text: `event ${text}`,
    async run() {
      tell(deps, mirrored, accepted);
    },
  };
}

/** A newer generation is another text; a Secret has none, and what it says is in the message as far as it matters. */
function toldText({ uid, generation }: Mirrored, { status, reason, message }: Verdict): string {
  return status === 'True'
    ? `${uid} ${generation} True`
    : `${uid} ${generation} ${status} ${reason} ${message}`;
}

/** What changed for the one who wrote the object; a status that only follows the hub is no Event. */
function tell({ events, told }: PlanDeps, mirrored: Mirrored, accepted: Verdict | undefined): void {
  if (accepted === undefined) return;
  const text = toldText(mirrored, accepted);
  const before = told.get(mirrored.id);
  const shown = mirrored.of.status === 'whole' || mirrored.of.status === 'gateway';
  if (before === undefined || shown ? showsAlready(mirrored, accepted) : before === text) return;
  if (!shown) told.set(mirrored.id, text);
  const { resource } = mirrored.of;
  const { namespace, name } = mirrored.key;
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  events()?.emit({
    regarding: {
      apiVersion,
      kind: resource.kind,
      metadata: { name, namespace, uid: mirrored.uid, resourceVersion: mirrored.resourceVersion },
    },
    type: accepted.status === 'True' ? 'Normal' : 'Warning',
    reason: accepted.reason,
    action: mirrored.deleting ? 'Remove' : 'Apply',
    note: accepted.message,
  });
}

/** What stands in Kubernetes says it, so that it was told before a restart. */
function showsAlready({ of, status, generation }: Mirrored, accepted: Verdict): boolean {
  const isSame = (one: StandingCondition): boolean =>
    one.type === 'Accepted' &&
    one.observedGeneration === generation &&
    one.status === accepted.status &&
    // The Gateway API has words of its own for what it accepted.
    (accepted.status === 'True' || (one.reason === accepted.reason && one.message === accepted.message));
  if (of.status === 'none') return false;
  if (of.status === 'whole' || of.status === 'gateway') return standingConditions(status).some(isSame);
  const own = ownOf(status, of.status).flatMap(standingConditions);
  // That the hub has a route, and what becomes of it at each Gateway, are two things.
  return accepted.status === 'True'
    ? own.some(({ type, observedGeneration }) => type === 'ResolvedRefs' && observedGeneration === generation)
    : own.some(isSame);
}
