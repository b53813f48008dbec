import type { AnyResource, Kind } from '../../src/resources/catalogue.ts';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { changesNothing, creationOf, keyOf, removalOf, updateOf, type Write } from '../api/writes.ts';
import type { Key } from '../store/contract.ts';
import {
  MANAGED_BY,
  type Outcome,
  SOURCE_KINDS,
  type SourceName,
  TAKEN_OVER,
  type Wanted,
} from './contract.ts';
import { idOf, keyOfStored, managerOf, SOURCE_TITLES } from './managed.ts';

/** One write that a source wants. */
export interface Step {
  /** `Kind namespace/name`. */
  readonly id: string;
  readonly key: Key;
  readonly origin: string;
  readonly verb: 'create' | 'update' | 'delete';
  readonly write: Write;
}

/** What to do about one object: write, or nothing, and what that means. */
export type Decision = { readonly step: Step } | { readonly outcome: Outcome };

export interface Difference {
  /** Creations and updates, in the order of references. */
  readonly steps: readonly Step[];
  /** Removals of what is wanted no more, in the opposite order. */
  readonly prune: readonly Step[];
  /** What needs no write, by `Kind namespace/name`. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Objects that the source has in the store now. */
  readonly managed: number;
  /** Objects that no source sets; some of them. */
  readonly unmanaged: readonly string[];
}

/** Values of the stored Secrets, by `Kind namespace/name`: what is stored does not show them. */
export type SecretValues = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** So many are named; the point is that there are some. */
const MAX_UNMANAGED = 100;

const ORDER: ReadonlyMap<Kind, number> = new Map(SOURCE_KINDS.map((kind, index) => [kind, index]));

/**
 * What brings the store in line with what `source` wants. Pure, and without a memory: the same two sets give the same difference. Nothing
 * that is not the source's is in it.
 */
export function difference(
  source: SourceName,
  wanted: ReadonlyMap<string, Wanted>,
  stored: ReadonlyMap<string, AnyResource>,
  secrets: SecretValues,
  keep: (id: string) => boolean = () => false,
): Difference {
  const steps: Step[] = [];
  const prune: Step[] = [];
  const outcomes = new Map<string, Outcome>();
  let managed = 0;
  for (const [id, one] of wanted) {
    const decision = decide(source, one, stored.get(id), secrets.get(id));
    if ('step' in decision) steps.push(decision.step);
    else outcomes.set(id, decision.outcome);
  }
  const unmanaged: string[] = [];
  for (const [id, object] of stored) {
    const manager = managerOf(object);
    if (manager === undefined && ORDER.has(object.kind) && unmanaged.length < MAX_UNMANAGED)
      unmanaged.push(id);
    if (manager !== source) continue;
    managed += 1;
    if (wanted.has(id) || keep(id)) continue;
    const decision = decideRemoval(object);
    if ('step' in decision) prune.push(decision.step);
    else outcomes.set(id, decision.outcome);
  }
  return {
    steps: steps.sort(inOrder),
    prune: prune.sort((a, b) => inOrder(b, a)),
    outcomes,
    managed,
    unmanaged,
  };
}

/** What `source` does about one object that it wants. */
export function decide(
  source: SourceName,
  { input, origin, adopt }: Wanted,
  current: AnyResource | undefined,
  secret: Readonly<Record<string, string>> | undefined,
): Decision {
  const key = keyOf(input);
  const common = { id: idOf(key), key, origin };
  if (!ORDER.has(input.kind)) return { outcome: anAct(input.kind) };
  if (current === undefined)
    return { step: { ...common, verb: 'create', write: creationOf(unversioned(input), source) } };
  const manager = managerOf(current);
  if (manager !== source) {
    if (manager !== undefined) {
      const message = `${SOURCE_TITLES[manager]} sets ${common.id}`;
      return { outcome: { state: 'conflict', manager, message } };
    }
    const takenOver = current.metadata.annotations[MANAGED_BY] === TAKEN_OVER;
    if (takenOver || !adopt) return { outcome: ofAPerson(common.id, takenOver) };
  }
  const { resourceVersion, generation, deletionTimestamp, finalizers } = current.metadata;
  if (deletionTimestamp !== undefined) {
    const message = `${common.id} is still being removed (finalizers: ${finalizers.join(', ')}); it is made again once it is gone`;
    return { outcome: { state: 'failed', message } };
  }
  const write = updateOf(exactly(unversioned(input), secret), current, source);
  if (changesNothing(write.proposed))
    return { outcome: { state: 'applied', changed: false, resourceVersion, generation } };
  return { step: { ...common, verb: 'update', write } };
}

/** What a source does about an object of its own that it wants no more. */
export function decideRemoval(current: AnyResource): Decision {
  if (current.metadata.deletionTimestamp !== undefined) return { outcome: { state: 'removed', gone: false } };
  const key = keyOfStored(current);
  // Only as it was read: a person may have taken it over since.
  const write = removalOf(key, current, current.metadata.resourceVersion);
  return { step: { id: idOf(key), key, origin: '', verb: 'delete', write } };
}

/** A source speaks of what should be, not of a version of the store that a document was copied from. */
function unversioned(input: ParsedInput): ParsedInput {
  const { resourceVersion: _version, uid: _uid, ...metadata } = input.metadata;
  return { ...input, metadata };
}

/** A Secret as the source has it: what is the same is not written, what is stored besides goes. */
function exactly(input: ParsedInput, stored: Readonly<Record<string, string>> | undefined): ParsedInput {
  if (input.kind !== 'Secret' || stored === undefined) return input;
  const wanted = input.spec.stringData ?? {};
  const stringData: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(wanted)) {
    if (value !== null && (!Object.hasOwn(stored, key) || stored[key] !== value)) stringData[key] = value;
  }
  for (const key of Object.keys(stored)) if ((wanted[key] ?? null) === null) stringData[key] = null;
  return { ...input, spec: { ...input.spec, stringData } };
}

function anAct(kind: Kind): Outcome {
  return {
    state: 'refused',
    code: 'SOURCE_INVALID',
    message: `a ${kind} is what somebody does, and no source's: it would be put back after it was ended`,
    fix: `Remove it from the source, and use \`portolan ${kind === 'Drain' ? 'cluster drain' : 'drill'}\`.`,
    violations: [],
  };
}

function ofAPerson(id: string, takenOver: boolean): Outcome {
  const message = takenOver
    ? `${id} was taken over by a person; it stays as it is until it is given back with \`portolan source return\``
    : `${id} was made through the API; it is adopted when its document has the annotation portolan.dev/adopt: "true"`;
  return { state: 'conflict', manager: 'api', message };
}

function inOrder(a: Step, b: Step): number {
  const byKind = (ORDER.get(a.key.kind) ?? 0) - (ORDER.get(b.key.kind) ?? 0);
  return byKind !== 0 ? byKind : a.id < b.id ? -1 : 1;
}
