import { create } from '@bufbuild/protobuf';
import { PortolanError } from '../../src/errors/error.ts';
import type { ClusterInventory, InventoryKey } from '../../src/inventory/contract.ts';
import { sameFields } from '../../src/policy/same-value.ts';
import {
  HubMessageSchema,
  InventoryObjectStatusSchema,
  InventoryStatusesSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { GatewayStatusInput } from '../gateways/status-input.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { InventoryDesk, KnownInventory } from './desk.ts';
import { type FoundStatus, foundStatuses } from './object-statuses.ts';
import { SaidStatuses } from './said-statuses.ts';

/** Tells agents what is to stand in the `status` of what they found: everything once in a session, then what differs. */
export interface StatusTeller {
  tell(input: GatewayStatusInput): void;
  /** What was said last of the objects of a cluster. */
  statusesOf(cluster: ObjectKey): ReadonlyMap<InventoryKey, unknown>;
}

/** Statuses in one message. */
const BATCH = 200;

/** Statuses that are made in one go: some ten milliseconds. */
const STEP = 100;

/** What one cluster is to be told, as things are. */
interface Telling {
  readonly session: NonNullable<KnownInventory['session']>;
  readonly own: ClusterGateways;
  readonly inventory: ClusterInventory;
  readonly input: GatewayStatusInput;
}

/** What statuses were made from, by identity or text. */
interface Made {
  readonly inventory: ClusterInventory;
  readonly reports: ClusterGateways['reports'];
  readonly rest: string;
}

interface Told {
  readonly said: SaidStatuses;
  /** The stream on which everything that is said was sent; undefined: none yet. */
  session: Telling['session'] | undefined;
  made: Made | undefined;
  /** Not at its end yet. */
  steps: Iterator<undefined, void, undefined> | undefined;
  /** The last that came meanwhile. */
  next: Telling | undefined;
  /** Why the last one did not come to its end. */
  failure: PortolanError | undefined;
}

/** @param later runs work when others were heard: thousands of statuses take a second, and agents' streams must not break meanwhile */
export function createStatusTeller(
  desk: Pick<InventoryDesk, 'of' | 'inventories'>,
  later: (work: () => void) => void = setImmediate,
): StatusTeller {
  const told = new Map<ObjectKey, Told>();

  function toldOf(cluster: ObjectKey): Told {
    const known = told.get(cluster);
    if (known !== undefined) return known;
    const made: Told = {
      said: new SaidStatuses(),
      session: undefined,
      made: undefined,
      steps: undefined,
      next: undefined,
      failure: undefined,
    };
    told.set(cluster, made);
    return made;
  }

  function start(cluster: ObjectKey, at: Told, telling: Telling): void {
    const { session, own, inventory, input } = telling;
    const made = { inventory, reports: own.reports, rest: restOf(cluster, own, input) };
    if (at.session === session && at.made !== undefined && sameFields(at.made, made)) return;
    at.steps = tellInSteps(cluster, at, telling, made, () => desk.of(cluster)?.session !== session);
    goOn(cluster, at);
  }

  function goOn(cluster: ObjectKey, at: Told): void {
    try {
      if (at.steps?.next().done === false) {
        later(() => {
          if (told.get(cluster) === at) goOnLater(cluster, at);
        });
        return;
      }
    } catch (thrown) {
      at.steps = undefined;
      throw thrown;
    }
    const { next } = at;
    at.steps = undefined;
    at.next = undefined;
    if (next !== undefined) start(cluster, at, next);
  }

  /** Nobody hears what is thrown here: whoever tells next does. */
  function goOnLater(cluster: ObjectKey, at: Told): void {
    try {
      goOn(cluster, at);
    } catch (thrown) {
      at.failure = PortolanError.from(thrown);
    }
  }

  return {
    tell(input) {
      for (const cluster of [...told.keys()]) if (!desk.inventories.has(cluster)) told.delete(cluster);
      for (const [cluster, own] of input.gateways ?? []) {
        const session = desk.of(cluster)?.session;
        const inventory = own.found;
        // Another session's objects are not compiled yet.
        if (inventory === undefined || inventory.session !== desk.inventories.get(cluster)?.session) continue;
        if (session === undefined) continue;
        const at = toldOf(cluster);
        const { failure } = at;
        at.failure = undefined;
        if (failure !== undefined) throw failure;
        const telling = { session, own, inventory, input };
        if (at.steps === undefined) start(cluster, at, telling);
        else at.next = telling;
      }
    },
    statusesOf: (cluster) => told.get(cluster)?.said.byKey() ?? new Map(),
  };
}

/** Makes what is not said yet, and sends what the session was not sent. */
function* tellInSteps(
  cluster: ObjectKey,
  at: Told,
  { session, own, inventory, input }: Telling,
  made: Made,
  isAway: () => boolean,
): Generator<undefined, void, undefined> {
  const { said } = at;
  const everything = at.session !== session;
  // Until the end: what does not come to it is told from the beginning.
  at.session = undefined;
  said.begin(inventory, own.reports.routes, aroundOf(inventory, input));
  const sent = new Set<InventoryKey>();
  let due: FoundStatus[] = [];
  const send = (): void => {
    if (due.length > 0) session.send(messageOf(inventory, due));
    due = [];
  };
  let anew = 0;
  for (const status of foundStatuses(cluster, own, inventory, input, said)) {
    if (said.say(status) || everything) due.push(status[0]);
    if (everything) sent.add(status[0].key);
    if (due.length === BATCH) send();
    anew += 1;
    if (anew % STEP === 0) {
      yield;
      if (isAway()) return;
    }
  }
  if (everything) {
    for (const found of said.all()) {
      if (!sent.has(found.key)) due.push(found);
      if (due.length < BATCH) continue;
      send();
      yield;
      if (isAway()) return;
    }
  }
  send();
  said.end();
  at.session = session;
  at.made = made;
}

/** What the statuses of all routes depend on: which Gateways there are at the hub, in the cluster, and outside what it carries. */
function aroundOf({ resources, ignored }: ClusterInventory, { world }: GatewayStatusInput): string {
  const leftOut = [...ignored.keys()].filter((key) => key.startsWith('Gateway '));
  return JSON.stringify([[...world.objects.Gateway.keys()], [...resources.Gateway.keys()], leftOut]);
}

/** What statuses of Gateways depend on besides the reports: certificates, what the agent confirmed, where the cluster is reached. */
function restOf(cluster: ObjectKey, own: ClusterGateways, { agentOf, world }: GatewayStatusInput): string {
  const agent = agentOf(cluster);
  const place = world.objects.Cluster.get(cluster);
  return JSON.stringify([
    own.digest,
    [...own.problems],
    [...own.waiting],
    agent?.connected,
    agent?.snapshotParts,
    agent?.refused,
    agent?.applied?.gateway,
    place?.spec.addresses,
    place?.status?.kubernetes?.addresses,
  ]);
}

function messageOf({ session }: ClusterInventory, statuses: readonly FoundStatus[]) {
  const value = create(InventoryStatusesSchema, {
    session,
    statuses: statuses.map(({ kind, namespace, name, uid, status }) =>
      create(InventoryObjectStatusSchema, { kind, namespace, name, uid, status: JSON.stringify(status) }),
    ),
  });
  return create(HubMessageSchema, { kind: { case: 'inventoryStatuses', value } });
}
