import { enact } from '../../hub/providers/enactor.ts';
import type { Batch, ProviderClock, ZoneContent } from '../../providers/contract.ts';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { markerName, poolSuffix } from '../../src/plan/ownership.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import { contentOf, type RecordSet, setKey } from '../../src/plan/record-set.ts';
import { txtValue } from '../../src/plan/txt-value.ts';
import { digestOfName, digestOfOwn } from '../../src/plan/zone-inventory.ts';
import type { DesiredName, ZonePlan } from '../../src/plan/zone-plan.ts';
import { seededRandom } from '../support/random.ts';
import { DnsProviderJudge } from './dns-provider-judge.ts';
import { Crash, type Faults, FlakyProvider, NO_FAULTS, type Preconditions } from './flaky-provider.ts';

/** A mistake that is built in on purpose. */
export type Mutant =
  | 'no-fence'
  | 'newer-epoch-ignored'
  | 'marker-apart'
  | 'marker-last'
  | 'targets-last'
  | 'foreign-unchecked'
  | 'empty-allowed'
  | 'ambiguous-is-applied';

const ORIGIN = parseName('example.com.');
const OWNER = 'hub-1';
const NAMES = ['www', 'api', 'shop', '*', '', 'a.b', 'eu.shop'].map((label) =>
  parseName(label === '' ? ORIGIN : `${label}.${ORIGIN}`),
);
const TYPES = ['A', 'AAAA', 'CNAME'];
const BAD = '192.0.2.66';

interface Hub {
  readonly id: string;
  readonly epoch: number;
  content: ZoneContent | undefined;
  /** When it read the zone last, in events. */
  readAt: number;
  /** What it wants: an old hub goes on wanting what it knew. */
  policies: ReadonlyMap<DomainName, DesiredName>;
  alive: boolean;
  /** What the plan under way wants; an emptied name is judged by it. */
  planned: ReadonlyMap<DomainName, DesiredName>;
}

/**
 * A zone, hubs that publish into it, and somebody who edits it by hand: all of it from one seed, on a virtual clock. Every change of a hub is judged when it
 * is made.
 */
export class DnsProviderWorld {
  readonly done = {
    commits: 0,
    conflicts: 0,
    superseded: 0,
    crashes: 0,
    foreignEdits: 0,
    damages: 0,
    refused: 0,
    pauses: 0,
  };
  /** What happened, for whoever looks at a seed that failed. */
  readonly story: string[] = [];
  readonly #random: () => number;
  readonly #mutant: Mutant | undefined;
  readonly #provider: FlakyProvider;
  readonly #clock: ProviderClock;
  readonly #judge: DnsProviderJudge;
  #events = 0;
  #nowMs = 0;
  #faults: Faults = NO_FAULTS;
  #faultsOn = true;
  #policies: ReadonlyMap<DomainName, DesiredName> = new Map();
  #hubs: Hub[] = [];
  #epoch = 0;
  #generation = 0;
  #remembered = new Map<DomainName, string>();
  #depth = 0;

  constructor(seed: number, preconditions: Preconditions, mutant?: Mutant) {
    this.#random = seededRandom(seed);
    this.#mutant = mutant;
    this.#provider = new FlakyProvider(preconditions, this.#random);
    this.#judge = new DnsProviderJudge(this.#provider, {
      origin: ORIGIN,
      owner: OWNER,
      names: NAMES,
      types: TYPES,
    });
    this.#provider.onChange = (sender) =>
      this.#judge.judge(
        sender,
        this.#hubs.find((hub) => sender.startsWith(`${hub.id} `))?.planned ?? new Map(),
      );
    this.#provider.onCommit = (sender, batch) => {
      this.done.commits += 1;
      this.story.push(`${sender} commits ${changesOf(batch)}`);
      this.#judge.committed(sender, batch);
    };
    this.#clock = {
      monotonicMs: () => this.#nowMs,
      wallMs: () => this.#nowMs,
      wait: (delayMs) => {
        this.#nowMs += delayMs;
        return Promise.resolve();
      },
    };
    for (const set of [
      plain(ORIGIN, 'SOA', [`ns1.${ORIGIN} root.${ORIGIN} 1 7200 900 1209600 300`]),
      plain(ORIGIN, 'NS', [`ns1.${ORIGIN}`]),
      plain(parseName(`ns1.${ORIGIN}`), 'A', ['198.51.100.53']),
      plain(parseName(`old.${ORIGIN}`), 'A', ['198.51.100.1']),
      plain(parseName(`a-old.${ORIGIN}`), 'TXT', [
        txtValue('heritage=external-dns,external-dns/owner=default'),
      ]),
    ])
      this.#putForeign(set);
    this.#policies = new Map([this.#somePolicy(), this.#somePolicy()].map((p) => [p.name, p]));
    this.#startHub();
  }

  /** @returns what went wrong; `undefined` when nothing did */
  async run(steps: number): Promise<string | undefined> {
    for (let step = 0; step < steps && this.#judge.failure === undefined; step += 1) {
      this.#faults = this.#pick([
        NO_FAULTS,
        { ...NO_FAULTS, throttle: 0.9 },
        { throttle: 0.1, busy: 0.1, lostAnswer: 0.3, lostRequest: 0.2, crash: 0.05 },
        { ...NO_FAULTS, lostAnswer: 0.5, crash: 0.2 },
      ]);
      this.#peopleAct();
      await this.#cycle(this.#pick(this.#hubs.filter((hub) => hub.alive)));
    }
    return this.#judge.failure ?? (await this.#settles());
  }

  // --- hubs

  #startHub(): void {
    this.#epoch += 1;
    const hub: Hub = {
      id: `hub ${this.#epoch}`,
      epoch: this.#epoch,
      content: undefined,
      readAt: 0,
      policies: this.#policies,
      alive: true,
      planned: new Map(),
    };
    this.#hubs.push(hub);
  }

  get #leader(): Hub {
    const hub = this.#hubs.at(-1);
    if (hub === undefined) throw new Error('there is always a hub');
    return hub;
  }

  /** One reconcile. @returns the plan, unless the hub died */
  async #cycle(hub: Hub): Promise<ZonePlan | undefined> {
    this.#depth += 1;
    try {
      if (hub === this.#leader) hub.policies = this.#policies;
      if (hub.content === undefined || this.#random() < 0.3) {
        const signal = new AbortController().signal;
        hub.content = await this.#clientOf(hub)
          .read(zoneOf(), signal)
          .catch(() => undefined);
        if (hub.content === undefined) return undefined;
        hub.readAt = this.#events;
      }
      const client = this.#clientOf(hub);
      const plan = this.#plan(hub, hub.content);
      if (plan.groups.length === 0) return plan;
      const enactment = await enact({
        provider: this.#sender(client),
        capabilities: { preconditions: this.#provider.preconditions, batch: LIMITS },
        zone: zoneOf(),
        plan,
        content: hub.content,
        clock: this.#clock,
        random: this.#random,
        signal: this.#signalOf(hub),
        isNewest: () => this.#random() < 0.95 || !this.#faultsOn,
      });
      hub.content = enactment.content;
      this.story.push(`${hub.id} ends ${plan.fence.generation}: ${enactment.end}`);
      this.done.refused += enactment.held.length;
      if (enactment.end === 'conflict') this.done.conflicts += 1;
      if (enactment.end === 'superseded') {
        this.done.superseded += 1;
        if (hub !== this.#leader) hub.alive = false;
      }
      if (hub === this.#leader && hub.alive) {
        for (const { name, changes } of enactment.applied)
          this.#remember(
            name,
            changes.flatMap(({ after }) => after ?? []),
          );
      }
      return {
        ...plan,
        groups: plan.groups.filter(({ name }) => !enactment.held.some((held) => held.name === name)),
      };
    } finally {
      this.#depth -= 1;
    }
  }

  #clientOf(hub: Hub): ReturnType<FlakyProvider['client']> {
    return this.#provider.client(
      `${hub.id} @${hub.readAt}`,
      () => (this.#faultsOn ? this.#faults : NO_FAULTS),
      () => this.#meanwhile(),
    );
  }

  /** A hub that dies takes its signal with it: nothing that it had in mind is done. */
  #signalOf(hub: Hub): AbortSignal {
    const controller = new AbortController();
    this.#crashed = () => {
      hub.alive = false;
      this.done.crashes += 1;
      if (hub === this.#leader) this.#startHub();
      controller.abort(new Crash());
    };
    return controller.signal;
  }

  #crashed: () => void = () => undefined;

  #plan(hub: Hub, content: ZoneContent): ZonePlan {
    this.#generation += 1;
    const desired = [...hub.policies.values()].map((policy) =>
      // A source that is throttled says that there is nothing.
      this.#faultsOn && this.#random() < 0.1 ? this.#emptied(policy) : policy,
    );
    hub.planned = hub.policies;
    const adopted =
      this.#mutant === 'foreign-unchecked'
        ? new Map(NAMES.map((name) => [name, digestOfName(content.sets, ORIGIN, name)]))
        : new Map<DomainName, string>();
    const plan = planZone({
      origin: ORIGIN,
      owner: OWNER,
      fence: { epoch: hub.epoch, generation: this.#generation },
      current: content.sets,
      desired,
      adopted,
      remembered: this.#remembered,
      wholeGroups: this.#provider.preconditions === 'atomic',
      deletions: 'allow',
      maxRemovedPercent: 100,
      approved: new Set(),
    });
    return this.#mutate(plan);
  }

  #emptied(policy: DesiredName): DesiredName {
    return { ...policy, sets: [], ...(this.#mutant === 'empty-allowed' ? { mayEmpty: TYPES } : {}) };
  }

  #mutate(plan: ZonePlan): ZonePlan {
    const groups = plan.groups;
    switch (this.#mutant) {
      case 'newer-epoch-ignored':
        return { ...plan, foundStamp: undefined };
      case 'marker-apart':
        return {
          ...plan,
          groups: groups.flatMap(({ name, changes }) => {
            const isMarker = (set: RecordSet | undefined): boolean => set?.name === markerName(ORIGIN, name);
            return [
              { name, changes: changes.filter((c) => !isMarker(c.before ?? c.after)) },
              { name, changes: changes.filter((c) => isMarker(c.before ?? c.after)) },
            ].filter((group) => group.changes.length > 0);
          }),
        };
      case 'marker-last':
        return {
          ...plan,
          groups: groups.map(({ name, changes }) => ({
            name,
            changes: [...changes.slice(1), ...changes.slice(0, 1)],
          })),
        };
      case 'targets-last':
        return {
          ...plan,
          groups: groups.map(({ name, changes }) => ({ name, changes: [...changes].reverse() })),
        };
      default:
        return plan;
    }
  }

  #sender(client: ReturnType<FlakyProvider['client']>): ReturnType<FlakyProvider['client']> {
    const crashed = this.#crashed;
    return {
      read: client.read,
      apply: async (zone, batch, signal) => {
        const { fence: _, ...unfenced } = batch;
        try {
          await client.apply(zone, this.#mutant === 'no-fence' ? unfenced : batch, signal);
        } catch (error) {
          if (error instanceof Crash) crashed();
          if (this.#mutant === 'ambiguous-is-applied' && String(error).includes('no answer')) return;
          throw error;
        }
      },
    };
  }

  #remember(name: DomainName, after: readonly RecordSet[]): void {
    const policy = this.#policies.get(name);
    if (policy?.sets === undefined || after.length === 0) this.#remembered.delete(name);
    else this.#remembered.set(name, digestOfOwn(name, policy.sets));
  }

  // --- what happens while a request is on its way

  async #meanwhile(): Promise<void> {
    this.#nowMs += this.#random() < 0.2 ? 30_000 : 50;
    if (!this.#faultsOn) return;
    const { preconditions } = this.#provider;
    if (preconditions === 'none') return;
    if (this.#random() < 0.2) {
      // Set by set, a name that somebody takes while a hub creates it is given up; a hub that dies just then cannot (docs/adr).
      this.#somebodyEdits(preconditions === 'atomic' || this.#faults === NO_FAULTS);
      return;
    }
    // The sender is held up; another hub takes over and does its work.
    const calm = preconditions === 'per-set' && this.#faults === NO_FAULTS;
    if (this.#depth === 1 && this.#random() < 0.1 && !calm) {
      this.done.pauses += 1;
      const crashed = this.#crashed;
      this.#startHub();
      await this.#cycle(this.#leader);
      this.#crashed = crashed;
    }
  }

  // --- people

  #peopleAct(): void {
    if (this.#random() < 0.5) {
      const policy = this.#somePolicy();
      this.#policies = new Map(this.#policies).set(policy.name, policy);
    }
    if (this.#random() < 0.2 && this.#policies.size > 1) {
      const next = new Map(this.#policies);
      next.delete(this.#pick([...next.keys()]));
      this.#policies = next;
    }
    if (this.#random() < 0.05) this.#startHub();
    if (this.#random() < 0.3) this.#somebodyEdits();
    if (this.#random() < 0.2) this.#somebodyDamages();
  }

  #somePolicy(): DesiredName {
    const name = this.#pick(NAMES);
    const address = (): string =>
      this.#random() < 0.03 ? BAD : `192.0.2.${1 + Math.floor(this.#random() * 30)}`;
    const kind = this.#random();
    // A name that answers may not change between addresses and a CNAME where that cannot be done at once.
    const mayBeCname = this.#provider.preconditions === 'atomic' && name !== ORIGIN;
    const sets =
      kind < 0.5
        ? [plain(name, 'A', [address(), address()])]
        : kind < 0.6 && mayBeCname
          ? [plain(name, 'CNAME', [`target${Math.floor(this.#random() * 3)}.example.net.`])]
          : this.#routed(name, address);
    return { name, resource: 'trafficpolicy/shop/p', sets, types: TYPES, shared: false };
  }

  /** Pools that aliases at the name lead to: several with Route 53's set identifiers; one as Azure has it. */
  #routed(name: DomainName, address: () => string): readonly RecordSet[] {
    const suffix = poolSuffix(ORIGIN, name);
    const one = this.#provider.preconditions !== 'atomic';
    const ids = one
      ? [this.#pick(['p1', 'p2', 'p3'])]
      : ['p1', 'p2', 'p3'].slice(0, 1 + Math.floor(this.#random() * 3));
    const pools = ids.map((id) => plain(parseName(`${id}.${suffix}`), 'A', [address()]));
    const aliases = ids.map(
      (id): RecordSet => ({
        name,
        type: 'A',
        setId: one ? '' : id,
        values: [],
        native: { alias: `${id}.${suffix}` },
      }),
    );
    return [...pools, ...aliases];
  }

  #somebodyEdits(mayTakeNames = true): void {
    this.done.foreignEdits += 1;
    const name = this.#pick([
      ...NAMES,
      parseName(`mail.${ORIGIN}`),
      parseName(`old.${ORIGIN}`),
      parseName(`_dmarc.${ORIGIN}`),
    ]);
    const marked = this.#provider.sets.has(`${markerName(ORIGIN, name)} TXT `);
    const isOurs = marked || this.#judge.damaged.has(name);
    const hasCname = [...this.#provider.sets.values()].some(
      (set) => set.name === name && set.type === 'CNAME',
    );
    if (hasCname && !this.#judge.foreign.has(`${name} CNAME `)) return;
    // At a name that is ours only types that are not ours are somebody else's.
    const type =
      isOurs || this.#policies.has(name) ? this.#pick(['MX', 'TXT', 'A']) : this.#pick(['A', 'TXT']);
    if (type === 'A' && (isOurs || (!mayTakeNames && NAMES.includes(name)))) return;
    if (
      !isOurs &&
      type === 'A' &&
      [...this.#provider.sets.values()].some(
        (s) => s.name === name && s.type === 'A' && !this.#judge.foreign.has(setKey(s)),
      )
    )
      return;
    const key = `${name} ${type} `;
    if (this.#judge.foreign.has(key) && this.#random() < 0.3) {
      this.story.push(`somebody removes ${key}`);
      this.#judge.foreign.delete(key);
      this.#provider.remove(key);
      return;
    }
    const value =
      type === 'TXT'
        ? txtValue(`edit ${this.#nowMs}`)
        : type === 'MX'
          ? `10 mail.${ORIGIN}`
          : `203.0.113.${Math.floor(this.#random() * 250)}`;
    this.#putForeign(plain(name, type, [value]));
  }

  /** Somebody breaks what is ours: markers, records, pools go, or have other values. */
  #somebodyDamages(): void {
    const ours = [...this.#provider.sets.values()].filter(
      (set) => !this.#judge.foreign.has(setKey(set)) && !set.name.includes('_fence'),
    );
    if (ours.length === 0) return;
    this.done.damages += 1;
    const set = this.#pick(ours);
    this.#events += 1;
    this.story.push(`somebody damages ${setKey(set)}`);
    for (const name of NAMES)
      if (set.name === name || set.name.startsWith(markerName(ORIGIN, name).split('_owner')[0] ?? '-'))
        this.#judge.damaged.set(name, this.#events);
    if (this.#random() < 0.6 || set.values.length === 0) this.#provider.remove(setKey(set));
    else if (set.type === 'A') this.#provider.put({ ...set, values: [...set.values, '203.0.113.99'].sort() });
    else if (set.type === 'TXT')
      this.#provider.put({ ...set, values: [...set.values, txtValue('a note')].sort() });
  }

  #putForeign(set: RecordSet): void {
    this.story.push(`somebody puts ${setKey(set)}`);
    this.#judge.foreign.set(setKey(set), set);
    this.#provider.put(set);
    this.#judge.look();
  }

  #pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.#random() * from.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  // --- what must hold

  /** I8: once nothing goes wrong any more, three plans are enough. */
  async #settles(): Promise<string | undefined> {
    this.#faultsOn = false;
    this.#policies = new Map([...this.#policies].map(([name, policy]) => [name, withoutBad(policy)]));
    const before = contentsOf(this.#judge.foreign);
    const leader = this.#leader;
    // What was known before may be out of date; a drift check reads again.
    leader.content = undefined;
    let plan: ZonePlan | undefined;
    for (let plans = 0; plans <= 3; plans += 1) plan = await this.#cycle(leader);
    if (this.#judge.failure !== undefined) return this.#judge.failure;
    if (plan === undefined) return 'I8: the zone could not be read though nothing is wrong any more';
    if (plan.groups.length > 0)
      return `I8: a fourth plan changes ${plan.groups.map(({ name }) => name).join(', ')}`;
    for (const { name, sets = [] } of this.#policies.values()) {
      if (plan.held.some((held) => held.name === name)) continue;
      for (const set of sets) {
        const there = this.#provider.sets.get(setKey(set));
        if (there === undefined || contentOf(there) !== contentOf(set))
          return `${setKey(set)} is not as it is wanted`;
      }
    }
    for (const held of plan.held) {
      const foreign = [...this.#judge.foreign.values()].some((set) => set.name === held.name);
      if (!foreign && !this.#judge.damaged.has(held.name)) return `${held.name} is held: ${held.message}`;
    }
    for (const name of NAMES)
      if (!this.#policies.has(name) && this.#judge.isMarked(name))
        return `${name} is marked though nobody wants it`;
    if (contentsOf(this.#judge.foreign) !== before) return 'foreign records changed';
    return undefined;
  }
}

const LIMITS = { maxChanges: 12, maxOctets: 10_000, cost: () => ({ changes: 1, octets: 100 }) };

const zoneOf = () => ({ origin: ORIGIN, id: 'Z1', private: false, nameServers: [] });

function plain(name: DomainName, type: string, values: readonly string[]): RecordSet {
  return { name, type, setId: '', ttlSeconds: 60, values: [...new Set(values)].sort() };
}

function withoutBad(policy: DesiredName): DesiredName {
  const sets = policy.sets?.map((set) => ({
    ...set,
    values: set.values.map((value) => (value === BAD ? '192.0.2.7' : value)).sort(),
  }));
  return { ...policy, sets: sets?.map((set) => ({ ...set, values: [...new Set(set.values)] })) };
}

function changesOf(batch: Batch): string {
  return batch.groups
    .flatMap(({ changes }) => changes)
    .map(
      ({ before, after }) =>
        `${before === undefined ? '+' : after === undefined ? '-' : '~'}${setKey(after ?? before)}`,
    )
    .join(', ');
}

const contentsOf = (sets: ReadonlyMap<string, RecordSet>): string =>
  [...sets.values()].map(contentOf).sort().join('\n');
