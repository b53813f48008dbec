import { PortolanError } from '../errors/error.ts';
import type { Resource } from '../resources/catalogue.ts';
import {
  type ClusterInventory,
  FLEET_NAMESPACE,
  INVENTORY_LIMITS,
  type InventoryContent,
  type InventoryKey,
  type InventoryKind,
  type InventoryLimits,
  type InventoryResourceKind,
  type LeftOut,
  type SecretContent,
  type ServiceContent,
} from './contract.ts';
import {
  type FoundObject,
  isInventoryKind,
  type RawObject,
  readFacts,
  readLeftOut,
  readObject,
} from './read-object.ts';

/** An `Inventory` message of the link, as far as it matters here. */
export interface InventoryMessage {
  readonly session: string;
  readonly sequence: bigint | number;
  readonly complete: boolean;
  readonly changed: readonly RawObject[];
  /** `Kind namespace/name` */
  readonly removed: readonly string[];
  /** JSON of `InventoryFacts`; undefined: as before. */
  readonly facts?: string | undefined;
}

/** What a stream has told so far. Immutable. */
export interface InventoryIntake {
  readonly sequence: number;
  /** The first whole set is there. */
  readonly complete: boolean;
  readonly inventory: ClusterInventory;
  /** Octets of every object, used or not. */
  readonly sizes: ReadonlyMap<InventoryKey, number>;
  readonly octets: number;
}

export interface InventoryRules {
  /** Namespace of the Cluster at the hub. */
  readonly namespace: string;
  /** What no schema can say of a spec; undefined: nothing is wrong. */
  readonly refuses: (resource: Resource<InventoryResourceKind>) => string | undefined;
  readonly limits?: InventoryLimits;
}

export function inventoryKey(kind: InventoryKind, namespace: string, name: string): InventoryKey {
  return `${kind} ${namespace}/${name}`;
}

/**
 * What is known after a message. A stream begins at sequence 1, from nothing; what was removed is said before what changed. Parts that are as
 * before are the same objects.
 * @throws PortolanError VALIDATION_FAILED for a gap or what cannot be read, PAYLOAD_TOO_LARGE for too much: `before` stands
 */
export function applyInventory(
  before: InventoryIntake | undefined,
  message: InventoryMessage,
  rules: InventoryRules,
): InventoryIntake {
  const sequence = Number(message.sequence);
  const expected = (before?.sequence ?? 0) + 1;
  if (sequence !== expected)
    throw new PortolanError(
      'VALIDATION_FAILED',
      `inventory: message ${sequence} came where ${expected} was expected`,
      { fix: 'The agent sends its inventory anew on its next stream; nothing has to be done.' },
    );
  if (before !== undefined && before.inventory.session !== message.session)
    throw new PortolanError('VALIDATION_FAILED', 'inventory: its session changed within a stream', {
      fix: 'The agent sends its inventory anew on its next stream; nothing has to be done.',
    });
  const draft = new Draft(before?.inventory ?? emptyInventory(message.session));
  const sizes = new Map(before?.sizes);
  let octets = before?.octets ?? 0;
  for (const key of message.removed) {
    octets -= sizes.get(key as InventoryKey) ?? 0;
    sizes.delete(key as InventoryKey);
    draft.remove(key);
  }
  for (const raw of message.changed) {
    const { kind, namespace, name } = raw;
    // Of a newer agent.
    if (!isInventoryKind(kind)) continue;
    const key = inventoryKey(kind, namespace, name);
    const size = Buffer.byteLength(raw.content);
    octets += size - (sizes.get(key) ?? 0);
    sizes.set(key, size);
    refuseTooMuch(sizes.size, octets, rules.limits ?? INVENTORY_LIMITS);
    if (carries(rules.namespace, kind, namespace, name))
      draft.set(key, kind, `${namespace}/${name}`, readObject({ ...raw, kind }, rules.refuses));
    else draft.ignore(key, readLeftOut(raw));
  }
  return {
    sequence,
    complete: message.complete || before?.complete === true,
    inventory: draft.done(message.facts === undefined ? undefined : readFacts(message.facts)),
    sizes,
    octets,
  };
}

/** True of what a Cluster in `own` may bring to the hub. */
function carries(own: string, kind: InventoryKind, namespace: string, name: string): boolean {
  return own === FLEET_NAMESPACE || own === (kind === 'Namespace' ? name : namespace);
}

function refuseTooMuch(objects: number, octets: number, limits: InventoryLimits): void {
  if (objects > limits.objects)
    throw new PortolanError(
      'PAYLOAD_TOO_LARGE',
      `inventory: more than ${limits.objects} objects of one cluster`,
      { fix: 'Let the agent watch fewer namespaces.' },
    );
  if (octets > limits.bytes)
    throw new PortolanError(
      'PAYLOAD_TOO_LARGE',
      `inventory: objects of one cluster with more than ${limits.bytes} octets`,
      { fix: 'Let the agent watch fewer namespaces.' },
    );
}

export function emptyInventory(session: string): ClusterInventory {
  return {
    session,
    resources: {
      Gateway: new Map(),
      HTTPRoute: new Map(),
      GRPCRoute: new Map(),
      BackendTLSPolicy: new Map(),
      ReferenceGrant: new Map(),
    },
    services: new Map(),
    secrets: new Map(),
    namespaces: new Map(),
    refused: new Map(),
    ignored: new Map(),
    facts: undefined,
  };
}

/** A map that is copied when it first changes. */
class MapDraft<V> {
  readonly #before: ReadonlyMap<string, V>;
  #own: Map<string, V> | undefined;

  constructor(before: ReadonlyMap<string, V>) {
    this.#before = before;
  }
  /** Keeps the value that is there when it says the same. */
  set(key: string, value: V): void {
    const known = (this.#own ?? this.#before).get(key);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(value)) return;
    this.#own ??= new Map(this.#before);
    this.#own.set(key, value);
  }
  delete(key: string): void {
    if (!(this.#own ?? this.#before).has(key)) return;
    this.#own ??= new Map(this.#before);
    this.#own.delete(key);
  }
  get done(): ReadonlyMap<string, V> {
    return this.#own ?? this.#before;
  }
}

class Draft {
  readonly #before: ClusterInventory;
  readonly #resources: { readonly [K in InventoryResourceKind]: MapDraft<Resource<K>> };
  readonly #services: MapDraft<ServiceContent>;
  readonly #secrets: MapDraft<SecretContent>;
  readonly #namespaces: MapDraft<Readonly<Record<string, string>>>;
  readonly #refused: MapDraft<{ readonly content: InventoryContent; readonly problem: string }>;
  readonly #ignored: MapDraft<LeftOut>;

  constructor(before: ClusterInventory) {
    this.#before = before;
    const { resources } = before;
    this.#resources = {
      Gateway: new MapDraft(resources.Gateway),
      HTTPRoute: new MapDraft(resources.HTTPRoute),
      GRPCRoute: new MapDraft(resources.GRPCRoute),
      BackendTLSPolicy: new MapDraft(resources.BackendTLSPolicy),
      ReferenceGrant: new MapDraft(resources.ReferenceGrant),
    };
    this.#services = new MapDraft(before.services);
    this.#secrets = new MapDraft(before.secrets);
    this.#namespaces = new MapDraft(before.namespaces);
    this.#refused = new MapDraft(before.refused);
    this.#ignored = new MapDraft(before.ignored);
  }

  remove(key: string): void {
    const space = key.indexOf(' ');
    const kind = key.slice(0, space);
    if (isInventoryKind(kind)) this.#drop(key, kind, key.slice(space + 1));
  }

  set(key: InventoryKey, kind: InventoryKind, name: string, found: FoundObject): void {
    // What was refused before may be in order now, and the other way round.
    if (found.type === 'refused') this.#resource(kind)?.delete(name);
    else this.#refused.delete(key);
    switch (found.type) {
      case 'resource':
        this.#resource(found.kind)?.set(name, found.resource);
        break;
      case 'refused':
        this.#refused.set(key, { content: found.content, problem: found.problem });
        break;
      case 'service':
        this.#services.set(name, found.service);
        break;
      case 'secret':
        this.#secrets.set(name, found.secret);
        break;
      case 'namespace':
        this.#namespaces.set(name.slice(1), found.labels);
        break;
    }
  }

  ignore(key: InventoryKey, found: LeftOut): void {
    this.#ignored.set(key, found);
  }

  #drop(key: string, kind: InventoryKind, name: string): void {
    this.#resource(kind)?.delete(name);
    this.#refused.delete(key);
    if (kind === 'Service') this.#services.delete(name);
    else if (kind === 'Secret') this.#secrets.delete(name);
    else if (kind === 'Namespace') this.#namespaces.delete(name.slice(1));
    this.#ignored.delete(key);
  }

  /** The map of a kind holds that kind only; the union type cannot say so. */
  #resource(kind: InventoryKind): MapDraft<Resource<InventoryResourceKind>> | undefined {
    if (kind === 'Service' || kind === 'Secret' || kind === 'Namespace') return undefined;
    return this.#resources[kind] as MapDraft<Resource<InventoryResourceKind>>;
  }

  done(facts: ClusterInventory['facts']): ClusterInventory {
    const { resources } = this.#before;
    const next = {
      Gateway: this.#resources.Gateway.done,
      HTTPRoute: this.#resources.HTTPRoute.done,
      GRPCRoute: this.#resources.GRPCRoute.done,
      BackendTLSPolicy: this.#resources.BackendTLSPolicy.done,
      ReferenceGrant: this.#resources.ReferenceGrant.done,
    };
    const same = (Object.keys(next) as InventoryResourceKind[]).every(
      (kind) => next[kind] === resources[kind],
    );
    const before = this.#before;
    const found: ClusterInventory = {
      session: before.session,
      resources: same ? resources : next,
      services: this.#services.done,
      secrets: this.#secrets.done,
      namespaces: this.#namespaces.done,
      refused: this.#refused.done,
      ignored: this.#ignored.done,
      facts:
        facts === undefined || JSON.stringify(facts) === JSON.stringify(before.facts) ? before.facts : facts,
    };
    const parts = ['resources', 'services', 'secrets', 'namespaces', 'refused', 'ignored', 'facts'] as const;
    return parts.every((part) => found[part] === before[part]) ? before : found;
  }
}
