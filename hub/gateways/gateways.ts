import { setImmediate as breath } from 'node:timers/promises';
import { PortolanError } from '../../src/errors/error.ts';
import type { ClusterInventory } from '../../src/inventory/contract.ts';
import type {
  CompileContext,
  CompiledGateways,
  CompileInSteps,
  GatewayObjects,
} from '../../src/policy/compile-contract.ts';
import { type GatewayPart, type GatewaySecrets, NO_GATEWAY } from '../../src/policy/model.ts';

import { HUB_NAMESPACE } from '../../src/policy/policy-index.ts';
import { SecretRefBook } from '../../src/policy/secret-refs.ts';
import type { RegionTable } from '../../src/routing/model.ts';
import type { CertificateDelivery } from '../certificates/delivery.ts';
import { digestOf } from '../reconcile/canonical-text.ts';
import type { ObjectKey, Objects } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import { type ClusterPieces, writePieces } from './gateway-pieces.ts';
import { withSameInputs } from './same-inputs.ts';
import type { SecretValues } from './secret-values.ts';

/** What the gateways of one cluster get. Pieces and secrets are the same objects as long as their content is. */
export interface ClusterGateways {
  readonly part: GatewayPart;
  /** `part` as it is sent. */
  readonly pieces: ClusterPieces;
  readonly secrets: GatewaySecrets;
  readonly reports: CompiledGateways['reports'];
  /** Secret references that lead nowhere, and why. */
  readonly problems: ReadonlyMap<string, string>;
  /** References to CertificatePolicies that have no certificate yet, and what is said of it. */
  readonly waiting: ReadonlyMap<string, string>;
  /** What the agent had found when it was compiled. */
  readonly found?: ClusterInventory | undefined;
  /** Hex digest over part and secrets: what an agent that acknowledged it serves. */
  readonly digest: string;
}

/** The gateways of every cluster, compiled from the stored objects. */
export interface Gateways {
  /**
   * Brings them in line with this world; when the objects that gateways are made of did not change, it costs a comparison. Never rejects:
   * what cannot be read keeps the last state, is logged, and makes it `due`.
   */
  follow(world: Pick<World, 'objects'>): Promise<void>;
  /** By cluster (`namespace/name`); those without a Gateway have none, unless they get certificates for other programs. */
  readonly all: ReadonlyMap<ObjectKey, ClusterGateways>;
  /**
   * Clusters that must not be given what `all` has: what their agents found is not known, or not compiled yet. They keep what they have.
   */
  readonly held: ReadonlySet<ObjectKey>;
  /** Something should be looked at again although no object changed: a certificate to renew, a store that did not answer. */
  due(): boolean;
}

/** See `InventoryDesk`. */
export interface FoundInClusters {
  readonly inventories: ReadonlyMap<ObjectKey, ClusterInventory>;
  readonly awaited: ReadonlySet<ObjectKey>;
}

export function createGateways(options: {
  readonly compile: CompileInSteps;
  readonly secretValues: SecretValues;
  readonly regions: RegionTable;
  /** Of the budgets that these objects give (`QuotaPart.version`); default: 0 always. */
  readonly quotaVersion?: (objects: GatewayObjects) => number | Promise<number>;
  readonly certificatesDue: () => boolean;
  readonly delivery?: CertificateDelivery | undefined;
  /** What agents found in their clusters; absent: nothing. */
  readonly found?: FoundInClusters | undefined;
  readonly log: { warn(details: object, message: string): void };
}): Gateways {
  const { compile, secretValues, delivery, log } = options;
  let all: ReadonlyMap<ObjectKey, ClusterGateways> = new Map();
  let followed: GatewayObjects | undefined;
  let compiled = new Map<ObjectKey, CompiledGateways>();
  let failed = false;
  /** What `compiled` was made with. */
  let usedInventories: FoundInClusters['inventories'] = new Map();
  let awaitedThen: ReadonlySet<ObjectKey> = new Set();
  /** Version of what was delivered of certificates. */
  let delivered: number | undefined;

  async function resolved(
    cluster: ObjectKey,
    own: CompiledGateways,
    objects: Objects,
  ): Promise<ClusterGateways> {
    const before = all.get(cluster);
    const { part, reports } = own;
    const pieces = before?.part === part ? before.pieces : await writePieces(part, before, breath);
    const { secrets, problems, waiting } = await secretValues.resolve(own, cluster, objects);
    return {
      part,
      pieces,
      secrets:
        before !== undefined && digestOf(before.secrets) === digestOf(secrets) ? before.secrets : secrets,
      reports,
      problems,
      waiting,
      found: usedInventories.get(cluster),
      digest: `${pieces.digest}${digestOf(secrets)}`,
    };
  }

  return {
    async follow({ objects }) {
      try {
        const inventories = options.found?.inventories ?? NO_INVENTORIES;
        const awaited = options.found?.awaited ?? NO_CLUSTERS;
        const inputs = withSameInputs(followed, objects);
        const sameObjects = inputs === followed;
        if (!sameObjects || inventories !== usedInventories) {
          const quotaVersion = (await options.quotaVersion?.(objects)) ?? 0;
          compiled = await compileAll(
            compile,
            inputs,
            { regions: options.regions, quotaVersion },
            inventories,
            compiled,
            // With the same objects only clusters in which something else was found are compiled anew.
            (cluster) =>
              sameObjects && sameFound(usedInventories.get(cluster), inventories.get(cluster))
                ? { known: compiled.get(cluster) }
                : undefined,
          );
          followed = inputs;
          usedInventories = inventories;
        } else if (!failed && !isDue() && sameMembers(awaited, awaitedThen)) return;
        // Read before what it stands for: what comes meanwhile is due again.
        const version = delivery?.version;
        const next = new Map<ObjectKey, ClusterGateways>();
        for (const cluster of objects.Cluster.keys()) {
          const own =
            compiled.get(cluster) ??
            (delivery?.concerns(cluster, objects) || usedInventories.has(cluster) ? NO_GATEWAYS : undefined);
          if (own !== undefined) next.set(cluster, await resolved(cluster, own, objects));
        }
        secretValues.forgetGone(objects);
        all = next;
        // Not before: what could not be compiled must not be given out.
        awaitedThen = awaited;
        delivered = version;
        failed = false;
      } catch (thrown) {
        failed = true;
        log.warn({ err: PortolanError.from(thrown) }, 'gateways keep their last configuration');
      }
    },
    get all() {
      return all;
    },
    get held() {
      return new Set([...awaitedThen, ...(options.found?.awaited ?? NO_CLUSTERS)]);
    },
    due: () => failed || isDue(),
  };

  function isDue(): boolean {
    return options.certificatesDue() || delivery?.version !== delivered;
  }
}

/** Of a cluster that gets certificates for other programs only. */
const NO_GATEWAYS: CompiledGateways = {
  part: NO_GATEWAY,
  secretRefs: new SecretRefBook().refs(),
  reports: { gateways: [], routes: [], policies: [] },
};

/** Some routes at a time: thousands take a second, and votes must be judged and connections kept alive meanwhile. */
async function compileAll(
  compile: CompileInSteps,
  objects: GatewayObjects,
  context: CompileContext,
  inventories: FoundInClusters['inventories'],
  before: ReadonlyMap<ObjectKey, CompiledGateways>,
  reuse: (cluster: ObjectKey) => { readonly known: CompiledGateways | undefined } | undefined,
): Promise<Map<ObjectKey, CompiledGateways>> {
  const found = new Map<ObjectKey, CompiledGateways>();
  const namespaces = new Set([...objects.Gateway.values()].map((g) => g.metadata.namespace));
  // Other proxies may ask an agent that serves no Gateway.
  const asked = new Set(
    [...objects.RateLimitPolicy.values()]
      .filter(({ spec }) => spec.domain !== undefined)
      .map(({ metadata }) => metadata.namespace),
  );
  for (const [key, { metadata }] of objects.Cluster) {
    const { namespace } = metadata;
    const inventory = inventories.get(key);
    const finds = (inventory?.resources.Gateway.size ?? 0) > 0;
    if (!finds && !namespaces.has(namespace) && !asked.has(namespace) && !asked.has(HUB_NAMESPACE)) continue;
    const reused = reuse(key);
    const own =
      reused === undefined
        ? await inSteps(compile(objects, key, { ...context, found: inventory, before: before.get(key) }))
        : reused.known;
    if (own === undefined) continue;
    if (own.reports.gateways.length > 0 || own.reports.policies.length > 0) found.set(key, own);
  }
  return found;
}

async function inSteps<T>(steps: Iterator<undefined, T, undefined>): Promise<T> {
  for (;;) {
    await breath();
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

const NO_INVENTORIES: FoundInClusters['inventories'] = new Map();
const NO_CLUSTERS: ReadonlySet<ObjectKey> = new Set();

function sameMembers(a: ReadonlySet<ObjectKey>, b: ReadonlySet<ObjectKey>): boolean {
  return a.size === b.size && [...a].every((key) => b.has(key));
}

/** True when the same was found, as far as gateways are compiled from it: facts and values of Secrets do not count. */
function sameFound(before: ClusterInventory | undefined, now: ClusterInventory | undefined): boolean {
  if (before === now) return true;
  if (before === undefined || now === undefined) return false;
  return (
    before.resources === now.resources &&
    before.services === now.services &&
    before.namespaces === now.namespaces &&
    (before.secrets === now.secrets || secretsText(before) === secretsText(now))
  );
}

function secretsText({ secrets }: ClusterInventory): string {
  return JSON.stringify(
    [...secrets].map(([key, { keys, problem, instead, authorityProblem }]) => [
      key,
      keys,
      problem,
      instead,
      authorityProblem,
    ]),
  );
}
