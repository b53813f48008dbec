import type { KubeClient, KubeObject } from '../../../kube/contract.ts';
import type { KubeEvents } from '../../../kube/events.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import type { Verdict } from '../../../src/resources/kstatus.ts';
import { canonicalJson } from '../../store/canonical.ts';
import type { Outcome } from '../contract.ts';
import type { HubEntry } from './hub-view.ts';
import { FIELD_MANAGER, FINALIZER } from './kinds.ts';
import type { Mirrored } from './mirrored.ts';
import {
  mergedEntries,
  type StatusWish,
  standingConditions,
  statusWish,
  textOfStanding,
  textOfWish,
} from './status.ts';
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
  nowIso(): string;
}

/** The next write that an object in Kubernetes needs: its finalizer first, then its status. */
export function planWrite(id: string, deps: PlanDeps): ObjectWrite | undefined {
  const client = deps.client();
  const mirrored = deps.object(id);
  if (client === undefined || mirrored === undefined) return undefined;
  const entry = deps.entry(id);
  const wants = wantsHold(mirrored, entry);
  if (mirrored.of.holds && wants !== mirrored.held && !(wants && mirrored.deleting))
    return finalizerWrite(client, mirrored, wants);
  const outcome = deps.outcome(mirrored);
  if (outcome === undefined) return undefined;
  const wish = statusWish(mirrored, outcome, entry, deps.nowIso());
  if (wish === undefined) return undefined;
  const text = textOfWish(mirrored, wish);
  const standing = textOfStanding(mirrored);
  if (text === standing) return undefined;
  const { resource } = mirrored.of;
  return {
    right: `status of ${resource.plural}.${resource.group}`,
    cools: true,
    text: `status ${mirrored.uid} ${standing} ${withoutTimes(wish)}`,
    async run() {
      await writeStatus(client, mirrored, wish);
      tell(deps.events(), mirrored, wish.accepted);
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
      const status = mergedEntries(of.status, found.status, wish);
      await client.replace({ ...found, status }, resource, 'status');
      return;
    } catch (thrown) {
      if (attempt === TRIES || PortolanError.from(thrown).code !== 'KUBERNETES_CONFLICT') throw thrown;
    }
  }
}

/** What changed for the one who wrote the object; a status that only follows the hub is no event. */
function tell(events: KubeEvents | undefined, mirrored: Mirrored, accepted: Verdict | undefined): void {
  if (accepted === undefined) return;
  const before = standingConditions(mirrored.status).find(({ type }) => type === 'Accepted');
  const same =
    before?.status === accepted.status &&
    // The Gateway API has words of its own for what it accepted.
    (accepted.status === 'True' ||
      (before.reason === accepted.reason && before.message === accepted.message)) &&
    before.observedGeneration === mirrored.generation;
  if (same) return;
  const { resource } = mirrored.of;
  const { namespace, name } = mirrored.key;
  events?.emit({
    regarding: {
      apiVersion: `${resource.group}/${resource.version}`,
      kind: resource.kind,
      metadata: { name, namespace, uid: mirrored.uid, resourceVersion: mirrored.resourceVersion },
    },
    type: accepted.status === 'True' ? 'Normal' : 'Warning',
    reason: accepted.reason,
    action: mirrored.deleting ? 'Remove' : 'Apply',
    note: accepted.message,
  });
}
