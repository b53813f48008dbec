import {
  type CertificateRecord,
  VALUE_CHAIN,
  VALUE_KEY,
  type WantedCertificate,
} from '../../src/certificates/model.ts';
import { certificateRecordSchema } from '../../src/certificates/record-schema.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { CertificateKey, Store, StoredCertificate } from '../store/contract.ts';
import { Turn } from '../store/turn.ts';
import type { CertificateSource } from './contract.ts';

export type SealedValues = Readonly<Record<string, string>>;
export type AuditRow = NonNullable<Parameters<Store['putCertificates']>[1]['audit']>[number];

export interface Write {
  /** Left out: the sealed values stay. */
  readonly values?: ((before: SealedValues) => SealedValues) | undefined;
  readonly audit?: readonly Pick<AuditRow, 'actor' | 'verb' | 'reason' | 'payload'>[] | undefined;
}

/** What a run of the driver needs of records; trials have one of their own that keeps nothing. */
export interface Records {
  get(id: string): CertificateRecord | undefined;
  /**
   * Writes what `change` makes of the record as it is, durably when this resolves; the same record, or undefined where there is none yet: nothing
   * to do. One after the other for each record. After a write that may or may not have happened the record is read again first.
   *
   * @throws PortolanError CONFLICT when another hub has the store; DISK_FULL, STORE_UNAVAILABLE; what `change` throws
   */
  write(
    id: string,
    change: (record: CertificateRecord | undefined) => CertificateRecord | undefined,
    write?: Write,
  ): Promise<CertificateRecord | undefined>;
  /** Keys and chains; read from the store each time. */
  values(id: string): Promise<SealedValues>;
}

/** All certificates, in memory and in the store; only here they are written. */
export interface CertificateBook extends Records {
  readonly all: ReadonlyMap<string, CertificateRecord>;
  /** Ids of records with an order. */
  readonly underWay: ReadonlySet<string>;
  /** Records that cannot be read, and why; they are left as they are. */
  readonly corrupt: ReadonlyMap<string, string>;
  /** Reads everything. Before, there is nothing. @throws PortolanError STORE_UNAVAILABLE */
  load(): Promise<void>;
  /** Removes a record with its keys. */
  remove(id: string, write?: Pick<Write, 'audit'>): Promise<void>;
  /** What of it may be served: only what is wanted. */
  serve(wanted: readonly WantedCertificate[]): void;
  readonly source: CertificateSource;
}

export function createCertificateBook(options: {
  readonly store: Pick<Store, 'listCertificates' | 'certificateValues' | 'putCertificates' | 'epoch'>;
  /** After each change of a record; undefined: it was removed. Must not throw. */
  readonly onChange: (id: string, record: CertificateRecord | undefined) => void;
  /** What is served changed. */
  readonly onServed: () => void;
  readonly log: { warn(details: object, message: string): void };
}): CertificateBook {
  const { store, onChange, onServed, log } = options;
  const all = new Map<string, CertificateRecord>();
  const versions = new Map<string, number>();
  const underWay = new Set<string>();
  const corrupt = new Map<string, string>();
  /** A write of them ended in an error that does not say whether it was done. */
  const uncertain = new Set<string>();
  const turns = new Map<string, { readonly turn: Turn; users: number }>();
  /** Undefined: nobody said yet what is wanted; then all there is, so that a hub that starts takes nothing away. */
  let served: ReadonlyMap<ObjectKey, readonly WantedCertificate[]> | undefined;
  let version = 0;

  async function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const lane = turns.get(id) ?? { turn: new Turn(), users: 0 };
    turns.set(id, lane);
    lane.users += 1;
    try {
      return await lane.turn.run(work);
    } finally {
      lane.users -= 1;
      if (lane.users === 0) turns.delete(id);
    }
  }

  function keep(id: string, record: CertificateRecord | undefined, at: number | undefined): void {
    const before = all.get(id);
    if (record === undefined || at === undefined) {
      all.delete(id);
      versions.delete(id);
    } else {
      all.set(id, record);
      versions.set(id, at);
    }
    if (record?.order === undefined) underWay.delete(id);
    else underWay.add(id);
    if (before?.current?.sha256 === record?.current?.sha256) return;
    version += 1;
    onServed();
  }

  function parse(stored: StoredCertificate): CertificateRecord | undefined {
    const { name } = stored.key;
    try {
      const record = certificateRecordSchema.parse(JSON.parse(stored.state));
      if (record.id !== name || namespaceOf(record) !== stored.key.namespace)
        throw new Error(`it says it is ${record.id} of ${record.policy}`);
      corrupt.delete(name);
      return record;
    } catch (thrown) {
      if (!corrupt.has(name))
        log.warn({ id: name, err: thrown }, 'what is kept of a certificate cannot be read');
      corrupt.set(name, messageOf(thrown));
      return undefined;
    }
  }

  /** As it is in the store now. */
  async function readAgain(id: string): Promise<void> {
    const stored = (await store.listCertificates()).find(
      ({ key }) => key.kind === 'certificate' && key.name === id,
    );
    const record = stored === undefined ? undefined : parse(stored);
    keep(id, record, record === undefined ? undefined : stored?.version);
    uncertain.delete(id);
  }

  async function put(
    id: string,
    record: CertificateRecord | null,
    key: CertificateKey,
    write: Write,
  ): Promise<void> {
    const before = versions.get(id) ?? 0;
    if (corrupt.has(id))
      throw new PortolanError(
        'STORE_CORRUPT',
        `what is kept of ${id} cannot be read: ${corrupt.get(id) ?? ''}`,
      );
    const values = write.values?.(before === 0 ? {} : await store.certificateValues(key));
    const audit = write.audit?.map((row) => ({ ...row, namespace: key.namespace, name: id }));
    try {
      await store.putCertificates(
        [
          {
            key,
            version: before + 1,
            state: record === null ? null : JSON.stringify(record),
            ...(values === undefined ? {} : { values }),
          },
        ],
        { epoch: store.epoch, ...(audit === undefined ? {} : { audit }) },
      );
    } catch (thrown) {
      uncertain.add(id);
      throw thrown;
    }
    keep(id, record ?? undefined, before + 1);
    onChange(id, record ?? undefined);
  }

  async function apply(
    id: string,
    change: (record: CertificateRecord | undefined) => CertificateRecord | undefined,
    write: Write,
  ): Promise<CertificateRecord | undefined> {
    const before = all.get(id);
    const next = change(before);
    if (next === undefined || next === before) return before;
    await put(id, next, keyOf(next), write);
    return next;
  }

  return {
    all,
    underWay,
    corrupt,
    get: (id) => all.get(id),
    async load() {
      for (const stored of await store.listCertificates()) {
        if (stored.key.kind !== 'certificate') continue;
        const record = parse(stored);
        if (record !== undefined) keep(record.id, shared(record), stored.version);
      }
    },
    write: (id, change, write = {}) =>
      inTurn(id, async () => {
        if (uncertain.has(id)) await readAgain(id);
        const at = versions.get(id);
        try {
          return await apply(id, change, write);
        } catch (thrown) {
          if (PortolanError.from(thrown).code !== 'CONFLICT' || !uncertain.has(id)) throw thrown;
          // A write before may have happened after all; the same version again means that another hub has the store.
          await readAgain(id);
          if (versions.get(id) === at) throw thrown;
          return await apply(id, change, write);
        }
      }),
    remove: (id, write = {}) =>
      inTurn(id, async () => {
        if (uncertain.has(id)) await readAgain(id);
        const record = all.get(id);
        if (record !== undefined) await put(id, null, keyOf(record), write);
      }),
    async values(id) {
      const record = all.get(id);
      return record === undefined ? {} : await store.certificateValues(keyOf(record));
    },
    serve(wanted) {
      const next = new Map<ObjectKey, WantedCertificate[]>();
      for (const certificate of wanted) {
        const list = next.get(certificate.policy);
        if (list === undefined) next.set(certificate.policy, [certificate]);
        else list.push(certificate);
      }
      const same = served !== undefined && JSON.stringify(idsIn(next)) === JSON.stringify(idsIn(served));
      served = next;
      if (same) return;
      version += 1;
      onServed();
    },
    source: {
      get version() {
        return version;
      },
      idsOf: (policy, cluster) =>
        (served === undefined
          ? [...all.values()].filter((r) => r.policy === policy)
          : (served.get(policy) ?? [])
        )
          .filter((w) => (w.cluster ?? cluster) === cluster && all.get(w.id)?.current !== undefined)
          .map(({ id }) => id),
      stampOf: (id) => all.get(id)?.current?.sha256,
      async pair(id) {
        const record = all.get(id);
        if (record?.current === undefined) return undefined;
        const { agentKey } = record.current;
        const values = await store.certificateValues(keyOf(record));
        const certificatePem = values[VALUE_CHAIN];
        const keyPem = values[VALUE_KEY] ?? (agentKey === undefined ? undefined : '');
        if (certificatePem === undefined || keyPem === undefined) return undefined;
        return { certificatePem, keyPem, ...(agentKey === undefined ? {} : { agentKey }) };
      },
    },
  };
}

/** Records of this process alone, for an order whose certificate is thrown away. */
export function createScratchRecords(onChange: (record: CertificateRecord) => void): Records {
  const all = new Map<string, CertificateRecord>();
  const sealed = new Map<string, SealedValues>();
  return {
    get: (id) => all.get(id),
    async write(id, change, { values } = {}) {
      const next = change(all.get(id));
      if (next === undefined || next === all.get(id)) return next;
      if (values !== undefined) sealed.set(id, values(sealed.get(id) ?? {}));
      all.set(id, next);
      onChange(next);
      return next;
    },
    values: async (id) => sealed.get(id) ?? {},
  };
}

export const namespaceOf = ({ policy }: { readonly policy: string }): string =>
  policy.slice(0, policy.indexOf('/'));

function keyOf(record: CertificateRecord): CertificateKey {
  return { kind: 'certificate', namespace: namespaceOf(record), name: record.id };
}

/** Ten thousand records repeat the same names in their histories: one list for all that are the same. */
function shared(record: CertificateRecord): CertificateRecord {
  const names = record.current?.names;
  if (names === undefined) return record;
  const key = names.join(' ');
  return {
    ...record,
    history: record.history.map((entry) => (entry.names.join(' ') === key ? { ...entry, names } : entry)),
  };
}

function idsIn(served: ReadonlyMap<ObjectKey, readonly WantedCertificate[]>): readonly string[] {
  return [...served].map(
    ([policy, list]) => `${policy} ${list.map((w) => `${w.id}@${w.cluster ?? ''}`).join(' ')}`,
  );
}
