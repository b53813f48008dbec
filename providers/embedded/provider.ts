import { type DomainName, isAtOrBelow } from '../../src/dns/name.ts';
import { compileZone } from '../../src/dns/zone.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { sameSet, setKey } from '../../src/plan/record-set.ts';
import type { ZoneSpec } from '../../src/resources/zone.ts';
import {
  type Batch,
  type CheckFinding,
  type Provider,
  ProviderError,
  type ProviderKind,
  type ProviderOptions,
  type ProviderZone,
} from '../contract.ts';
import { CAPABILITIES, ROUTED_WITHOUT_RECORDS } from './capabilities.ts';
import { entryOf, setsOf } from './records.ts';

/** A Zone of this installation, as stored. */
export interface ZoneDocument {
  /** `namespace/name`. */
  readonly key: string;
  readonly resourceVersion: string;
  readonly spec: ZoneSpec;
}

/** Where Zones are stored. */
export interface ZoneDocuments {
  list(): Promise<readonly ZoneDocument[]>;
  get(key: string): Promise<ZoneDocument | undefined>;
  /**
   * Replaces the records of a Zone, through the same admission as everybody's change.
   * @throws PortolanError CONFLICT when `resourceVersion` is not the stored one, NOT_FOUND, or what admission refuses
   */
  replaceRecords(document: ZoneDocument, records: ZoneSpec['records']): Promise<void>;
}

/** The zones of the embedded name servers as a provider: records that are not routed. It has no account and needs no credentials. */
export function createEmbeddedKind(documents: ZoneDocuments): ProviderKind {
  return {
    type: 'embedded',
    capabilities: CAPABILITIES,
    compile: ({ placement }) => ({
      outcome: 'no',
      features: placement.features.map((feature) => ({
        feature,
        handling: 'lost',
        detail: ROUTED_WITHOUT_RECORDS,
      })),
    }),
    open: (options) => Promise.resolve(openEmbedded(documents, options)),
  };
}

function openEmbedded(documents: ZoneDocuments, { turn }: ProviderOptions): Provider {
  async function documentOf({ id, origin }: ProviderZone, action: string, signal: AbortSignal) {
    await turn(action, signal);
    const found = await answerOf(documents.get(id), signal);
    if (found === undefined || found.spec.origin !== origin)
      throw new ProviderError('gone', `there is no Zone ${id} with the origin ${origin}`);
    return found;
  }

  return {
    async zones(signal) {
      await turn('ListZones', signal);
      const found = await answerOf(documents.list(), signal);
      return found.map(zoneOf);
    },
    async read(zone, signal) {
      const { spec } = await documentOf(zone, 'GetZone', signal);
      return { sets: [...setsOf(spec).values()].map(({ set }) => set), tokens: new Map() };
    },
    async apply(zone, batch, signal) {
      const found = await documentOf(zone, 'ReplaceZone', signal);
      const records = recordsAfter(found.spec, batch);
      if (records === undefined) return;
      signal.throwIfAborted();
      await answerOf(documents.replaceRecords(found, records), signal);
    },
    async check(zones, signal): Promise<readonly CheckFinding[]> {
      const findings: CheckFinding[] = [];
      try {
        const found = await answerOf(documents.list(), signal);
        findings.push({ subject: 'Zones', ok: true, message: `${found.length} can be read` });
      } catch (thrown) {
        findings.push({ subject: 'Zones', ok: false, message: asProviderError(thrown).message });
      }
      for (const zone of zones) {
        const subject = `Zone ${zone.id}`;
        try {
          const { spec } = await documentOf(zone, 'GetZone', signal);
          findings.push({ subject, ok: true, message: `${spec.records.length} records can be changed` });
        } catch (thrown) {
          findings.push({ subject, ok: false, message: asProviderError(thrown).message });
        }
      }
      return findings;
    },
    close: () => Promise.resolve(),
  };
}

function zoneOf({ key, spec }: ZoneDocument): ProviderZone {
  return {
    origin: spec.origin,
    id: key,
    private: false,
    nameServers: spec.nameServers.map(({ name }) => name),
  };
}

/**
 * The entries of the Zone after the batch; those of sets that it does not name stay as a person wrote them. `undefined`: nothing is changed.
 * @throws ProviderError `conflict` when a set is not as the batch expects it
 */
function recordsAfter(spec: ZoneSpec, batch: Batch): ZoneSpec['records'] | undefined {
  const sets = setsOf(spec);
  const gone = new Set<number>();
  const added: { readonly record: ZoneSpec['records'][number]; readonly group: DomainName | undefined }[] =
    [];
  const changes = [
    ...batch.groups.flatMap((group) => group.changes.map((change) => ({ change, group: group.name }))),
    ...(batch.fence === undefined ? [] : [{ change: batch.fence, group: undefined }]),
  ];
  if (changes.length === 0) return undefined;
  for (const { change, group } of changes) {
    const { before, after } = change;
    const subject = after ?? before;
    const there = sets.get(setKey(subject));
    const what = `${subject.name} ${subject.type}`;
    if (!isAtOrBelow(subject.name, spec.origin))
      throw new ProviderError('invalid', `${what} does not lie in ${spec.origin}`, { group });
    if (subject.setId !== '' || subject.native !== undefined)
      throw new ProviderError('unsupported', `${what}: a Zone holds plain records`, { group });
    const refusal = CAPABILITIES.unsupportedTypes.find(({ type }) => type === subject.type);
    if (refusal !== undefined) throw new ProviderError('invalid', `${what}: ${refusal.reason}`, { group });
    const expected =
      before === undefined ? there === undefined : there !== undefined && sameSet(there.set, before);
    if (!expected) throw new ProviderError('conflict', `${what} is not as it was read`, { group });
    if (there !== undefined && there.entries.length === 0)
      throw new ProviderError('invalid', `${what} comes from spec.nameServers of the Zone`, { group });
    for (const entry of there?.entries ?? []) gone.add(entry);
    if (after !== undefined) added.push({ record: entryOf(after, spec.origin), group });
  }
  const kept = spec.records.filter((_, i) => !gone.has(i));
  const records = [...kept, ...added.map(({ record }) => record)];
  refuseInvalid({ ...spec, records }, (entry) => added[entry - kept.length]);
  return records;
}

/** @throws ProviderError `invalid` when an added record makes the zone one that cannot be served */
function refuseInvalid(
  spec: ZoneSpec,
  addedAt: (entry: number) => { readonly group: DomainName | undefined } | undefined,
): void {
  const result = compileZone({ ...spec, serial: 0, routed: [] });
  if (result.ok) return;
  for (const { path, message, fix } of result.violations) {
    const added = addedAt(Number(/^records\[(\d+)\]/.exec(path)?.[1] ?? -1));
    if (added !== undefined) throw new ProviderError('invalid', message, { group: added.group, fix });
  }
}

/** The store's answer, or the reason for which nobody waits for it any more. */
async function answerOf<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const end = (): void => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    leave = () => signal.removeEventListener('abort', end);
  });
  try {
    return await Promise.race([answer, aborted]);
  } catch (thrown) {
    throw signal.aborted ? signal.reason : asProviderError(thrown);
  } finally {
    leave();
  }
}

function asProviderError(thrown: unknown): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  const error = PortolanError.from(thrown);
  const failure =
    error.code === 'CONFLICT'
      ? 'conflict'
      : error.code === 'NOT_FOUND'
        ? 'gone'
        : error.code === 'STORE_UNAVAILABLE' || error.code === 'DISK_FULL' || error.code === 'NOT_READY'
          ? 'transient'
          : error.code === 'INTERNAL'
            ? 'ambiguous'
            : 'invalid';
  return ProviderError.from(failure, error);
}
