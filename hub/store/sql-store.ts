import { PortolanError } from '../../src/errors/error.ts';
import type { RandomBytes } from '../../src/identity/envelope.ts';
import type { PageChange } from '../../src/quota/ledger-contract.ts';
import type { AnyResource, Kind, Resource } from '../../src/resources/catalogue.ts';
import { changeAgent, readAgent, readAgents } from './agents.ts';
import { type AuditFact, type AuditHead, appendAudit, readAudit, verifyChain } from './audit.ts';
import { listCertificates, readCertificateValues, writeCertificates } from './certificates.ts';
import { commitChanges } from './commit.ts';
import type {
  Actor,
  AgentIdentity,
  AuditEntry,
  CertificateKey,
  Change,
  CommitOptions,
  JoinTokenRecord,
  Key,
  ListResult,
  PlacedEvent,
  QuotaAudit,
  Store,
  StoredCertificate,
  StoredQuota,
  TokenRecord,
  UsageBatchFrom,
  UsageFilter,
  UsageMinute,
  ZoneSigningKey,
  ZoneSigningRecord,
} from './contract.ts';
import type { Database, Work } from './database.ts';
import { readPage } from './event-rows.ts';
import { createGeoFileStore, type GeoFileStore } from './geo-files.ts';
import { JoinDesk } from './join-desk.ts';
import { insertJoinToken } from './join-tokens.ts';
import { type ClosableKeyStore, createKeyStore } from './keys.ts';
import { isOfKind, readObject, readObjects } from './objects.ts';
import { createPublicationStore, type PublicationStore } from './publication.ts';
import { readQuota, writeQuota } from './quota-pages.ts';
import type { StateRow } from './schema.ts';
import { readValues, rewrapAll, type Sealer } from './secrets.ts';
import {
  assertKey,
  lockState,
  type OpenedState,
  overtaken,
  readState,
  rewrapState,
  shareState,
} from './state.ts';
import { Tail } from './tail.ts';
import { deleteToken, findToken, insertToken, markTokenUsed, readTokens } from './tokens.ts';
import { Turn } from './turn.ts';
import { newUid } from './uid.ts';
import { countUsage, readUsage } from './usage.ts';
import { EventLog, type EventSource, type LoggedEvent, type WatchOptions } from './watch.ts';
import { listZoneSigning, readZoneSigning, writeZoneSigning } from './zone-signing.ts';

/** `lastUsedAt` of a token is exact to this; a write per request would be its cost. */
const TOKEN_USE_RESOLUTION_MS = 60_000;
/** How late another hub's event may be seen. */
const TAIL_INTERVAL_MS = 250;

export interface StoreSettings {
  readonly kek: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly wallClock: () => number;
  readonly random: RandomBytes;
  /** Revisions whose events are kept for watchers. */
  readonly eventsKept: number;
  /** Octets of their objects. */
  readonly eventOctetsKept: number;
  readonly role: StoreRole;
}

/** What may be written here: `any`, as several programs of one store do; `leader`: as long as no other took a higher epoch. */
export type StoreRole =
  | { readonly kind: 'any' }
  | { readonly kind: 'leader'; readonly onOvertaken: (reason: string) => void }
  | { readonly kind: 'replica' };

/** {@link Store} over SQL; the same for every engine. */
export class SqlStore implements Store {
  readonly epoch: number;
  readonly hubUid: string;
  readonly keys: ClosableKeyStore;
  readonly publication: PublicationStore;
  readonly geoFiles: GeoFileStore | undefined;
  readonly #database: Database;
  readonly #settings: StoreSettings;
  readonly #events: EventLog;
  /** Only where other hubs write to the same store. */
  readonly #tail: Tail | undefined;
  /** Writers of this process queue here, so that events are published in the order of their revisions. */
  readonly #writers = new Turn();
  /** Under way; closing waits for them. */
  readonly #reads = new Set<Promise<unknown>>();
  readonly #joins: JoinDesk;
  #sealer: Sealer;
  #closing: Promise<void> | undefined;

  constructor(database: Database, opened: OpenedState, settings: StoreSettings) {
    this.#database = database;
    this.#settings = settings;
    this.epoch = opened.epoch;
    this.hubUid = opened.hubUid;
    this.#sealer = {
      hubUid: opened.hubUid,
      kek: settings.kek,
      digestKey: opened.digestKey,
      random: settings.random,
    };
    const source: EventSource = {
      page: (cursor, limit) => this.#snapshot((db) => readPage(db, cursor, limit)),
    };
    this.#events = new EventLog(source, opened.revision);
    this.#tail =
      database.dialect === 'postgres' ? new Tail(source, this.#events, TAIL_INTERVAL_MS) : undefined;
    this.keys = createKeyStore({
      dialect: database.dialect,
      read: (work) => this.#read(work),
      snapshot: (work) => this.#snapshot(work),
      audited: (work) => this.#audited(work),
      sealer: () => this.#sealer,
      nowMs: settings.wallClock,
    });
    this.publication = createPublicationStore({
      read: (work) => this.#read(work),
      snapshot: (work) => this.#snapshot(work),
      leading: (work) =>
        this.#write(async (tx) => {
          const state = await this.#lockState(tx);
          if (state.epoch !== this.epoch) throw overtaken(this.epoch, state.epoch);
          return work(tx, state);
        }),
      sealer: () => this.#sealer,
    });
    this.geoFiles =
      database.dialect === 'postgres'
        ? createGeoFileStore({ read: (work) => this.#read(work), write: (work) => this.#unlocked(work) })
        : undefined;
    this.#joins = new JoinDesk({
      nowMs: settings.wallClock,
      read: (work) => this.#read(work),
      write: (work) => this.#audited((tx, _state, audit) => work(tx, audit)),
    });
  }

  async get<K extends Kind>(key: Key<K>): Promise<Resource<K> | undefined> {
    const object: Resource | undefined = await this.#read((db) => readObject(db, key));
    if (object === undefined || !isOfKind(object, key.kind)) return undefined;
    return object;
  }

  list(filter: { readonly kind?: Kind; readonly namespace?: string } = {}): Promise<ListResult> {
    return this.#snapshot(async (db) => ({
      items: await readObjects(db, filter),
      revision: (await readState(db)).revision,
    }));
  }

  commit(
    changes: readonly Change[],
    options: CommitOptions,
  ): Promise<{ readonly objects: readonly AnyResource[]; readonly revision: number }> {
    const rollBack = options.dryRun === true;
    if (this.#settings.role.kind === 'replica')
      return Promise.reject(new PortolanError('NOT_LEADER', 'This hub stands by and writes nothing.'));
    return this.#writers.run(async () => {
      const done = await this.#transaction(
        (tx, state) =>
          commitChanges(tx, changes, options, {
            state,
            sealer: this.#sealer,
            now: this.#now(),
            newUid: () => newUid(this.#settings.random),
            eventsKept: this.#settings.eventsKept,
            eventOctetsKept: this.#settings.eventOctetsKept,
          }),
        rollBack,
      );
      if (rollBack) return { objects: done.objects, revision: done.revisionBefore };
      this.#announce(done.events);
      return { objects: done.objects, revision: done.revision };
    });
  }

  watch(options: WatchOptions): AsyncIterable<PlacedEvent> {
    this.#assertOpen();
    return this.#events.watch(options);
  }

  async secretData(key: Key<'Secret'>): Promise<Readonly<Record<string, string>> | undefined> {
    return this.#snapshot(async (db) => {
      const object = await readObject(db, key);
      if (object === undefined) return undefined;
      return (await readValues(db, object, this.#sealer)).values;
    });
  }

  listZoneSigning(): Promise<readonly ZoneSigningKey[]> {
    return this.#read(listZoneSigning);
  }

  zoneSigning(zone: ZoneSigningKey): Promise<ZoneSigningRecord> {
    return this.#snapshot((db) => readZoneSigning(db, zone, this.#sealer));
  }

  async putZoneSigning(
    zone: ZoneSigningKey,
    next: ZoneSigningRecord,
    options: Parameters<Store['putZoneSigning']>[2],
  ): Promise<void> {
    await this.#audited(async (tx, state, audit) => {
      await writeZoneSigning(tx, state, zone, next, { epoch: options.epoch, sealer: this.#sealer });
      for (const fact of options.audit) await audit({ ...fact, kind: 'Zone', namespace: zone.namespace });
    });
  }

  listCertificates(kind?: CertificateKey['kind']): Promise<readonly StoredCertificate[]> {
    return this.#read((db) => listCertificates(db, kind));
  }

  certificateValues(key: CertificateKey): Promise<Readonly<Record<string, string>>> {
    return this.#snapshot((db) => readCertificateValues(db, key, this.#sealer));
  }

  async putCertificates(
    writes: Parameters<Store['putCertificates']>[0],
    { epoch, audit: facts = [] }: Parameters<Store['putCertificates']>[1],
  ): Promise<void> {
    await this.#audited(async (tx, state, audit) => {
      await writeCertificates(tx, state, writes, { epoch, sealer: this.#sealer });
      for (const fact of facts) await audit({ ...fact, kind: 'CertificatePolicy' });
    });
  }

  audit(options: {
    readonly after?: number;
    readonly limit: number;
    readonly namespace?: string;
  }): Promise<readonly AuditEntry[]> {
    return this.#read((db) => readAudit(db, options));
  }

  verifyAudit(): Promise<{ readonly entries: number; readonly brokenAt?: number }> {
    return this.#snapshot(async (db) => {
      const state = await readState(db);
      return verifyChain(db, { sequence: state.audit_sequence, hash: state.audit_hash });
    });
  }

  async recordAudit(entry: AuditFact): Promise<void> {
    await this.#audited((_tx, _state, audit) => audit(entry));
  }

  createToken(
    record: Omit<TokenRecord, 'createdAt'> & { readonly secretSha256: string },
    actor: Actor,
  ): Promise<TokenRecord> {
    return this.#audited(async (tx, _state, audit) => {
      const { secretSha256, ...rest } = record;
      const stored: TokenRecord = { ...rest, createdAt: this.#now() };
      await insertToken(tx, { ...stored, secretSha256 });
      await audit({
        actor,
        verb: 'token.create',
        kind: 'Token',
        namespace: '',
        name: record.id,
        payload: stored,
      });
      return stored;
    });
  }

  async authenticateToken(id: string, secretSha256: string): Promise<TokenRecord | undefined> {
    const nowMs = this.#settings.wallClock();
    const token = await this.#read((db) => findToken(db, id, secretSha256, nowMs));
    if (token === undefined) return undefined;
    const lastUsedMs =
      token.lastUsedAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(token.lastUsedAt);
    if (nowMs - lastUsedMs < TOKEN_USE_RESOLUTION_MS) return token;
    const lastUsedAt = this.#now();
    try {
      await this.#writers.run(() => this.#database.write((tx) => markTokenUsed(tx, id, lastUsedAt)));
    } catch {
      return token; // a full disk must not lock people out: only the note of the use is lost
    }
    return { ...token, lastUsedAt };
  }

  listTokens(): Promise<readonly TokenRecord[]> {
    return this.#read(readTokens);
  }

  async revokeToken(id: string, actor: Actor): Promise<void> {
    await this.#audited(async (tx, _state, audit) => {
      await deleteToken(tx, id);
      await audit({ actor, verb: 'token.revoke', kind: 'Token', namespace: '', name: id });
    });
  }

  async createJoinToken(
    record: JoinTokenRecord & { readonly secretSha256: string },
    actor: Actor,
  ): Promise<void> {
    await this.#audited(async (tx, _state, audit) => {
      await insertJoinToken(tx, record, this.#settings.wallClock());
      const { secretSha256: _, ...payload } = record;
      await audit({ actor, verb: 'cluster.token', ...record.cluster, payload });
    });
  }

  claimJoinToken(claim: Parameters<Store['claimJoinToken']>[0]): Promise<AgentIdentity> {
    return this.#joins.claim(claim);
  }

  agent(agentUid: string): Promise<AgentIdentity | undefined> {
    return this.#read((db) => readAgent(db, agentUid));
  }

  listAgents(): Promise<readonly AgentIdentity[]> {
    return this.#read(readAgents);
  }

  updateAgent(
    agentUid: string,
    change: { readonly revoked?: boolean; readonly certificateChainPem?: string },
    actor: Actor,
  ): Promise<AgentIdentity> {
    return this.#audited(async (tx, _state, audit) => {
      const next = await changeAgent(tx, agentUid, change);
      const verb = change.revoked === true ? 'agent.revoke' : 'agent.update';
      await audit({ actor, verb, ...next.cluster, payload: next });
      return next;
    });
  }

  countUsage(batch: UsageBatchFrom): Promise<number> {
    return this.#unlocked((tx) => countUsage(tx, batch, this.#settings.wallClock()));
  }

  usage(filter: UsageFilter): Promise<readonly UsageMinute[]> {
    return this.#read((db) => readUsage(db, filter));
  }

  loadQuota(): Promise<StoredQuota> {
    return this.#snapshot(readQuota);
  }

  async saveQuota(
    epoch: number,
    changes: readonly PageChange[],
    clock: string,
    audit: readonly QuotaAudit[] = [],
  ): Promise<void> {
    const next = { epoch, changes, clock };
    if (audit.length > 0) {
      await this.#audited(async (tx, state, add) => {
        await writeQuota(tx, state, next);
        for (const fact of audit) await add({ ...fact, kind: 'RateLimitPolicy' });
      });
      return;
    }
    await this.#write(async (tx) => writeQuota(tx, await this.#lockState(tx), next));
  }

  async getMeta(key: string): Promise<string | undefined> {
    const row = await this.#read((db) =>
      db.selectFrom('meta').select('value').where('name', '=', key).executeTakeFirst(),
    );
    return row?.value;
  }

  async putMeta(key: string, value: string): Promise<void> {
    await this.#unlocked((tx) =>
      tx
        .insertInto('meta')
        .values({ name: key, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute(),
    );
  }

  async increment(counter: string): Promise<number> {
    const row = await this.#unlocked((tx) =>
      tx
        .insertInto('counters')
        .values({ name: counter, value: 1 })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet((q) => ({ value: q('counters.value', '+', 1) })),
        )
        .returning('value')
        .executeTakeFirstOrThrow(),
    );
    return row.value;
  }

  /**
   * Wraps every secret's data key, and the key-check value, with `next`; no value is encrypted again. All or nothing.
   * Throws KEY_WRONG when `current` is not the store's key. Other hubs on this store need `next` from then on.
   */
  async rotateKey(current: Uint8Array, next: Uint8Array): Promise<{ readonly secrets: number }> {
    const secrets = await this.#audited(async (tx, state, audit) => {
      assertKey(state, current);
      const rewrapped = await rewrapAll(tx, { from: current, to: next }, this.#sealer);
      await rewrapState(tx, state, { from: current, to: next }, this.#settings.random);
      const actor: Actor = { id: 'hub', display: 'hub' };
      await audit({
        actor,
        verb: 'key.rotate',
        kind: 'Secret',
        namespace: '',
        name: '',
        payload: { secrets: rewrapped },
      });
      return rewrapped;
    });
    this.#sealer = { ...this.#sealer, kek: next };
    return { secrets };
  }

  async ping(): Promise<void> {
    await this.#read(readState);
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    this.#events.close();
    this.keys.close();
    await this.#tail?.close();
    await Promise.allSettled(this.#reads);
    await this.#writers.run(() => this.#database.close());
  }

  #announce(events: readonly LoggedEvent[]): void {
    // Where several hubs write, the order is the log's; it is read back from there.
    if (this.#tail === undefined) this.#events.publish(events);
    else this.#tail.poke();
  }

  #now(): string {
    return new Date(this.#settings.wallClock()).toISOString();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new PortolanError('STORE_UNAVAILABLE', 'The store is closed.');
  }

  #read<T>(work: Work<T>): Promise<T> {
    return this.#tracked(() => this.#database.read(work));
  }

  #snapshot<T>(work: Work<T>): Promise<T> {
    return this.#tracked(() => this.#database.snapshot(work));
  }

  async #tracked<T>(read: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const running = read();
    this.#reads.add(running);
    try {
      return await running;
    } finally {
      this.#reads.delete(running);
    }
  }

  async #write<T>(work: Work<T>): Promise<T> {
    const { role } = this.#settings;
    if (role.kind === 'replica')
      throw new PortolanError('NOT_LEADER', 'This hub stands by and writes nothing.');
    return this.#writers.run(async () => {
      this.#assertOpen();
      return this.#database.write(work);
    });
  }

  /** A write that needs no order among those of other hubs; the row is held shared, so that nobody takes over before it is done. */
  #unlocked<T>(work: Work<T>): Promise<T> {
    return this.#write(async (tx) => {
      if (this.#settings.role.kind === 'leader')
        this.#assertLeads(await shareState(tx, this.#database.dialect));
      return work(tx);
    });
  }

  async #lockState(tx: Parameters<Work<unknown>>[0]): Promise<StateRow> {
    const state = await lockState(tx, this.#database.dialect);
    this.#assertLeads(state);
    return state;
  }

  #assertLeads({ epoch }: StateRow): void {
    const { role } = this.#settings;
    if (role.kind !== 'leader' || epoch === this.epoch) return;
    const error = overtaken(this.epoch, epoch);
    role.onOvertaken(error.message);
    throw error;
  }

  /** A transaction that holds the state row. Call it inside `#writers`. */
  async #transaction<T>(
    work: (tx: Parameters<Work<T>>[0], state: StateRow) => Promise<T>,
    rollBack: boolean,
  ): Promise<T & { readonly revisionBefore: number }> {
    this.#assertOpen();
    return this.#database.write(
      async (tx) => {
        const state = await this.#lockState(tx);
        return { ...(await work(tx, state)), revisionBefore: state.revision };
      },
      { rollBack },
    );
  }

  /** A transaction whose audit rows and the end of their chain land together. */
  #audited<T>(
    work: (
      tx: Parameters<Work<T>>[0],
      state: StateRow,
      audit: (fact: AuditFact) => Promise<AuditHead>,
    ) => Promise<T>,
  ): Promise<T> {
    return this.#write(async (tx) => {
      const state = await this.#lockState(tx);
      let head: AuditHead = { sequence: state.audit_sequence, hash: state.audit_hash };
      const result = await work(tx, state, async (fact) => {
        head = await appendAudit(tx, head, fact, this.#now());
        return head;
      });
      await tx
        .updateTable('store_state')
        .set({ audit_sequence: head.sequence, audit_hash: head.hash })
        .where('id', '=', 1)
        .execute();
      return result;
    });
  }
}
