import { type Kysely, sql } from 'kysely';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import type { SecretStatus } from '../../src/resources/secret.ts';
import { applyChange, type Outcome } from './apply.ts';
import { type AuditHead, appendAudit } from './audit.ts';
import type { Change, CommitOptions } from './contract.ts';
import { readObject, removeObject, writeObject } from './objects.ts';
import type { StateRow, Tables } from './schema.ts';
import {
  describeValues,
  mergeValues,
  readValues,
  removeValues,
  type Sealer,
  type SecretValues,
  writeValues,
} from './secrets.ts';
import { assertKey, overtaken } from './state.ts';
import type { LoggedEvent } from './watch.ts';

export interface CommitContext {
  readonly state: StateRow;
  readonly sealer: Sealer;
  /** RFC 3339, UTC. */
  readonly now: string;
  readonly newUid: () => string;
  /** Revisions whose events are kept. */
  readonly eventsKept: number;
  /** Octets of the objects in kept events. */
  readonly eventOctetsKept: number;
}

export interface Committed {
  readonly objects: readonly AnyResource[];
  readonly revision: number;
  readonly events: readonly LoggedEvent[];
}

/** Applies all changes in order inside the caller's transaction, with their events and audit rows. */
export async function commitChanges(
  tx: Kysely<Tables>,
  changes: readonly Change[],
  options: CommitOptions,
  context: CommitContext,
): Promise<Committed> {
  const { state } = context;
  if (options.epoch !== undefined && options.epoch !== state.epoch) {
    throw overtaken(options.epoch, state.epoch);
  }
  const revision = state.revision + 1;
  const objects: AnyResource[] = [];
  const events: LoggedEvent[] = [];
  let octets = 0;
  let head: AuditHead = { sequence: state.audit_sequence, hash: state.audit_hash };
  for (const change of changes) {
    const step = await applyOne(tx, change, revision, context);
    objects.push(step.outcome.object);
    if (step.outcome.type === 'unchanged') continue;
    const { type, object } = step.outcome;
    const position = events.length;
    events.push({ position, event: { type, revision, object } });
    const body = JSON.stringify(object);
    octets += body.length;
    await tx
      .insertInto('events')
      .values({
        revision,
        position,
        type,
        kind: object.kind,
        namespace: object.metadata.namespace,
        body,
      })
      .execute();
    // The hub's own account of what it sees is no act of anybody: it would drown what people did.
    if (change.type === 'status' && options.verb === undefined) continue;
    const { kind, namespace, name } = change.key;
    head = await appendAudit(
      tx,
      head,
      {
        actor: options.actor,
        verb: options.verb ?? change.type,
        kind,
        namespace,
        name,
        ...(options.reason === undefined ? {} : { reason: options.reason }),
        payload: step.payload,
      },
      context.now,
    );
  }
  if (events.length === 0) return { objects, revision: state.revision, events };
  const compactedRevision = await compact(tx, revision, octets, context);
  await tx
    .updateTable('store_state')
    .set({
      revision,
      audit_sequence: head.sequence,
      audit_hash: head.hash,
      compacted_revision: compactedRevision,
    })
    .where('id', '=', 1)
    .execute();
  return { objects, revision, events };
}

interface Step {
  readonly outcome: Outcome;
  /** What the audit row's digest covers; never a secret's values. */
  readonly payload: unknown;
}

async function applyOne(
  tx: Kysely<Tables>,
  change: Change,
  revision: number,
  context: CommitContext,
): Promise<Step> {
  const current = await readObject(tx, change.key);
  const at = { now: context.now, revision, newUid: context.newUid };
  const step =
    change.key.kind === 'Secret'
      ? await applySecret(tx, change, current, at, context)
      : { outcome: applyChange(change, current, at), payload: change };
  const { outcome } = step;
  if (outcome.type === 'deleted') await removeObject(tx, outcome.object);
  else if (outcome.type !== 'unchanged') await writeObject(tx, outcome.type, outcome.object);
  return step;
}

/** The values leave the change here: the object, its events and its audit row only know their keyed digests. */
async function applySecret(
  tx: Kysely<Tables>,
  change: Change,
  current: AnyResource | undefined,
  at: { readonly now: string; readonly revision: number; readonly newUid: () => string },
  context: CommitContext,
): Promise<Step> {
  const { sealer } = context;
  const before = secretStatus(current);
  if (change.type === 'status') {
    const conditions = 'conditions' in change.status ? change.status.conditions : before.conditions;
    const status = { conditions, keys: before.keys };
    return { outcome: applyChange({ ...change, status }, current, at), payload: { ...change, status } };
  }
  if (change.type !== 'create' && change.type !== 'update') {
    const outcome = applyChange(change, current, at);
    if (outcome.type === 'deleted') await removeValues(tx, outcome.object.metadata.uid);
    return { outcome, payload: change };
  }
  assertKey(context.state, sealer.kek);
  const stored = current === undefined ? { version: 0, values: {} } : await readValues(tx, current, sealer);
  const values = mergeValues(stored.values, 'stringData' in change.spec ? change.spec.stringData : undefined);
  const keys = describeValues(values, sealer);
  const valuesChanged = !sameValues(values, stored.values);
  const redacted: Change = { ...change, spec: {} };
  const status: SecretStatus = { conditions: before.conditions, keys };
  const outcome = applyChange(redacted, current, { ...at, valuesChanged, status });
  if (outcome.type === 'deleted') await removeValues(tx, outcome.object.metadata.uid);
  else if (valuesChanged)
    await writeValues(tx, outcome.object, { version: stored.version + 1, values }, sealer);
  return { outcome, payload: { ...redacted, keys } };
}

function secretStatus(object: AnyResource | undefined): SecretStatus {
  if (object?.kind === 'Secret' && object.status !== undefined) return object.status;
  return { conditions: [], keys: [] };
}

function sameValues(a: SecretValues, b: SecretValues): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}

/**
 * Drops old events in batches, so that most commits delete nothing. Returns the last compacted revision.
 * @param octets of this commit's events
 */
async function compact(
  tx: Kysely<Tables>,
  revision: number,
  octets: number,
  context: CommitContext,
): Promise<number> {
  const { state, eventsKept, eventOctetsKept } = context;
  const batch = Math.max(1, Math.floor(eventsKept / 16));
  const surplus = revision - state.compacted_revision >= eventsKept + batch ? revision - eventsKept : 0;
  // Objects of megabytes whose status changes often would fill the disk. Small commits need no look: their number bounds them.
  const tooMany = octets * 256 > eventOctetsKept ? await revisionBefore(tx, eventOctetsKept) : 0;
  const upTo = Math.max(surplus, tooMany);
  if (upTo <= state.compacted_revision) return state.compacted_revision;
  await tx.deleteFrom('events').where('revision', '<=', upTo).execute();
  return upTo;
}

/** The newest revision such that the events after it have at most `limit` octets; but the last one's always stay. */
async function revisionBefore(tx: Kysely<Tables>, limit: number): Promise<number> {
  const rows = await tx
    .selectFrom('events')
    .select(['revision', sql<number>`octet_length(body)`.as('octets')])
    .orderBy('revision', 'desc')
    .execute();
  const newest = rows[0]?.revision;
  let total = 0;
  for (const { revision, octets } of rows) {
    total += octets;
    if (total > limit && revision !== newest) return revision;
  }
  return 0;
}
