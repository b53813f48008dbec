import type { RecordSet as AzureRecordSet, DnsManagementClient } from '@azure/arm-dns';
import type { DomainName } from '../../src/dns/name.ts';
import type { ChangeGroup, RecordSet, SetChange } from '../../src/plan/record-set.ts';
import { sameSet, setKey } from '../../src/plan/record-set.ts';
import { type Batch, ProviderError, type ProviderOptions, type ProviderZone } from '../contract.ts';
import { providerErrorOf } from './errors.ts';
import type { KnownSet, ZoneMemory } from './memory.ts';
import { fromAzure, recordTypeOf, relativeName, toAzure } from './records.ts';

/**
 * Azure DNS writes one record set per request, each on condition that it is as read: `If-None-Match: *` creates, `If-Match: <etag>` replaces and
 * deletes, and 412 answers a writer who has not seen the newest (https://learn.microsoft.com/azure/dns/dns-zones-records#etags).
 *
 * What that means for a batch that ends in the middle (I18):
 * - The fence goes first. A writer that another one has overtaken fails there, before it changes anything else.
 * - Within a group, the order is the plan's: the marker before the records on the way in, after them on the way out. So a record of ours never
 *   stands without its marker: what a crash leaves is a marker too many, which the next plan fills or removes.
 * - Each set we write says in its own metadata, in the same request, whose it is and under which fence, whatever becomes of the others.
 * - A set that the batch changed already is recognised and left alone when the same batch is sent again.
 */

/** Requests in flight at once: the pace is the worker's, this only hides the round trip. */
const IN_FLIGHT = 4;

/** Keys of the metadata of a record set (https://learn.microsoft.com/azure/dns/dns-zones-records#tags-and-metadata); those of others are kept. */
const OWNER = 'portolanOwner';
const FENCE = 'portolanFence';

export interface Writer {
  readonly dns: DnsManagementClient;
  readonly resourceGroup: string;
  readonly zoneName: string;
  readonly options: ProviderOptions;
  readonly memory: ZoneMemory;
  /** Why the aid with this key was not made. */
  readonly refusedAids: ReadonlyMap<string, string>;
}

/** @throws ProviderError */
export async function applyBatch(
  writer: Writer,
  zone: ProviderZone,
  batch: Batch,
  signal: AbortSignal,
): Promise<void> {
  for (const group of batch.groups) checkGroup(group, zone, writer.refusedAids);
  const stamp = batch.fence?.after?.values[0]?.replaceAll('"', '');
  const write = (change: SetChange, group?: DomainName): Promise<void> =>
    writeSet(writer, zone, change, { group, tokens: batch.tokens, stamp }, signal);
  if (batch.fence !== undefined) await write(batch.fence);
  const removals = batch.groups.filter((group) => group.changes.every((c) => c.after === undefined));
  const others = batch.groups.filter((group) => !removals.includes(group));
  for (const wave of [others, removals]) await inParallel(wave, write);
}

/** What cannot be written is refused before anything is sent, so that no group ends in the middle for it. @throws ProviderError `invalid` */
function checkGroup(
  { name, changes }: ChangeGroup,
  zone: ProviderZone,
  refusedAids: ReadonlyMap<string, string>,
): void {
  try {
    for (const { after } of changes) {
      if (after === undefined) continue;
      relativeName(after.name, zone.origin);
      const reason = refusedAids.get(aidOf(after) ?? '');
      if (reason !== undefined) throw new ProviderError('invalid', reason);
      toAzure(after);
    }
  } catch (error) {
    // The group is named by its hostname, whichever of its sets it is.
    const { message, fix } = providerErrorOf(error, { action: 'RecordSets_CreateOrUpdate', writes: true });
    throw new ProviderError('invalid', message, { group: name, fix, cause: error });
  }
}

/** Key of the aid that an alias leads to, while it has no id. */
function aidOf({ native }: RecordSet): string | undefined {
  const { targetResource: target } = native ?? {};
  if (typeof target !== 'object' || target === null || !('$aid' in target)) return undefined;
  return typeof target.$aid === 'string' ? target.$aid : undefined;
}

/** Groups do not lean on each other, so several are under way at once; after a failure no further one is begun. */
async function inParallel(
  groups: readonly ChangeGroup[],
  write: (change: SetChange, group: DomainName) => Promise<void>,
): Promise<void> {
  const waiting = [...groups];
  const failures: Error[] = [];
  const work = async (): Promise<void> => {
    for (let group = waiting.shift(); group !== undefined && failures.length === 0; group = waiting.shift()) {
      try {
        for (const change of inOrder(group)) await write(change, group.name);
      } catch (error) {
        failures.push(error instanceof Error ? error : new Error(String(error)));
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  // The one that asks for the most care is the one to tell.
  const worst =
    failures.find((f) => f instanceof ProviderError && f.failure === 'ambiguous') ??
    failures.find((f) => f instanceof ProviderError && f.failure === 'conflict') ??
    failures[0];
  if (worst !== undefined) throw worst;
}

/**
 * The plan's order, but for one thing: a CNAME stands alone at its name ("A CNAME record set cannot coexist with other record sets with the
 * same name"), so whatever makes room for it, or whatever it makes room for, goes first.
 */
export function inOrder({ changes }: ChangeGroup): readonly SetChange[] {
  const ordered: SetChange[] = [];
  const moved = new Set<SetChange>();
  for (const change of changes) {
    if (moved.has(change)) continue;
    const { after } = change;
    if (after !== undefined && change.before === undefined) {
      for (const other of changes) {
        const { before } = other;
        if (other.after !== undefined || before === undefined || before.name !== after.name) continue;
        if ((before.type === 'CNAME') === (after.type === 'CNAME') || ordered.includes(other)) continue;
        moved.add(other);
        ordered.push(other);
      }
    }
    ordered.push(change);
  }
  return ordered;
}

/** What a set is written as a part of. */
interface Part {
  /** The owned name; `undefined` for the fence, which is nobody's. */
  readonly group: DomainName | undefined;
  readonly tokens: ReadonlyMap<string, string>;
  readonly stamp: string | undefined;
}

async function writeSet(
  writer: Writer,
  zone: ProviderZone,
  change: SetChange,
  { group, tokens, stamp }: Part,
  signal: AbortSignal,
): Promise<void> {
  const set = change.after ?? change.before;
  if (set === undefined) return;
  const { memory, resourceGroup, zoneName, options } = writer;
  const key = setKey(set);
  const known = memory.get(key);
  // Done already: by this batch when it was sent before, and cut off.
  if (
    change.after === undefined
      ? memory.removed(key)
      : known?.ours === true && sameSet(known.set, change.after)
  )
    return;
  const name = relativeName(set.name, zone.origin);
  const type = recordTypeOf(set);
  const body = change.after === undefined ? undefined : toAzure(change.after);
  const etag =
    change.before === undefined ? undefined : await etagOf(writer, zone, change.before, tokens, signal);
  const action = change.after === undefined ? 'RecordSets_Delete' : 'RecordSets_CreateOrUpdate';
  const asked = {
    action,
    writes: true,
    ...(group === undefined ? {} : { group }),
    conditional: change.before !== undefined,
  };
  await options.turn(action, signal);
  try {
    if (change.after === undefined) {
      await writer.dns.recordSets.delete(resourceGroup, zoneName, name, type, {
        abortSignal: signal,
        ...(etag === undefined ? {} : { ifMatch: etag }),
      });
      memory.forget(key);
      return;
    }
    const written = await writer.dns.recordSets.createOrUpdate(
      resourceGroup,
      zoneName,
      name,
      type,
      { ...body, metadata: metadataOf(known, options.owner, stamp) },
      { abortSignal: signal, ...(etag === undefined ? { ifNoneMatch: '*' } : { ifMatch: etag }) },
    );
    memory.written(key, rememberedAs(change.after, written));
  } catch (error) {
    throw providerErrorOf(error, asked);
  }
}

function rememberedAs(set: RecordSet, written: AzureRecordSet): KnownSet {
  return { set, etag: written.etag, metadata: written.metadata ?? {}, ours: true };
}

/**
 * The condition that the set is as `before` says: the ETag of our own last write or read of exactly that, else the one that came with the plan,
 * else what the API says now.
 */
async function etagOf(
  { dns, resourceGroup, zoneName, options, memory }: Writer,
  zone: ProviderZone,
  before: RecordSet,
  tokens: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const known = memory.get(setKey(before));
  if (known?.etag !== undefined && sameSet(known.set, before)) return known.etag;
  const token = tokens.get(setKey(before));
  if (token !== undefined) return token;
  const asked = { action: 'RecordSets_Get', writes: false, group: before.name, conditional: true };
  await options.turn(asked.action, signal);
  let found: AzureRecordSet;
  try {
    found = await dns.recordSets.get(
      resourceGroup,
      zoneName,
      relativeName(before.name, zone.origin),
      recordTypeOf(before),
      { abortSignal: signal },
    );
  } catch (error) {
    throw providerErrorOf(error, asked);
  }
  const current = fromAzure(found, zone.origin);
  if (found.etag !== undefined && current !== undefined && sameSet(current, before)) return found.etag;
  throw new ProviderError('conflict', `${before.name} ${before.type} is not as it was read`, {
    group: before.name,
  });
}

function metadataOf(
  known: KnownSet | undefined,
  owner: string,
  stamp: string | undefined,
): { [key: string]: string } {
  return { ...known?.metadata, [OWNER]: owner, ...(stamp === undefined ? {} : { [FENCE]: stamp }) };
}
