import type { Provider, ProviderOptions, ZoneContent } from '../../../providers/contract.ts';
import { type DomainName, parseName } from '../../../src/dns/name.ts';
import { formatRdata, parseRdata } from '../../../src/dns/records/catalogue.ts';
import { parseType } from '../../../src/dns/types.ts';
import { formatStamp } from '../../../src/plan/fence.ts';
import {
  type ChangeGroup,
  contentOf,
  type RecordSet,
  type SetChange,
  setKey,
} from '../../../src/plan/record-set.ts';
import type { ProviderHarness, Running } from '../provider-harness.ts';

/** What the test of a behaviour gets. */
export interface World {
  readonly harness: ProviderHarness;
  readonly running: Running;
  readonly provider: Provider;
  /** A name of this test alone: `w7.<origin>`, or below it. */
  name(prefix?: string): DomainName;
  /** A server of its own, for what is broken for good; closed after the test. */
  fresh(): Promise<Running>;
  /** Another client of the server; closed after the test. */
  open(overrides?: Partial<ProviderOptions>, running?: Running): Promise<Provider>;
  /** Ends the test: the provider cannot have this behaviour, and why, in one sentence. */
  hole(reason: string): never;
}

export type ProviderTest = (world: World) => Promise<void>;

/** No call of a provider on this machine takes so long. */
export const PATIENCE_MS = 30_000;

export function soon(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS);
}

/** A plain set in canonical form. */
export function plainSet(
  name: DomainName,
  type: string,
  values: readonly string[],
  ttlSeconds = 300,
): RecordSet {
  const code = parseType(type) ?? 0;
  const canonical = values.map((value) => formatRdata(parseRdata(code, value)));
  return { name, type, setId: '', ttlSeconds, values: canonical.sort() };
}

export function read(world: World, provider = world.provider, running = world.running): Promise<ZoneContent> {
  return provider.read(running.zone, soon());
}

/** The sets at or below a name, by their canonical text. */
export function contentsOf(content: ZoneContent, at?: (set: RecordSet) => boolean): readonly string[] {
  return content.sets
    .filter(at ?? (() => true))
    .map(contentOf)
    .sort();
}

export function find(content: ZoneContent, set: Pick<RecordSet, 'name' | 'type' | 'setId'>) {
  return content.sets.find((candidate) => setKey(candidate) === setKey(set));
}

let steps = 0;

/** The change of the fence that a batch carries after `content` was read; none where the provider has no use for it. */
export function fenceChange(world: World, content: ZoneContent): SetChange | undefined {
  if (world.harness.kind.capabilities.preconditions !== 'atomic') return undefined;
  const name = parseName(`conformance._fence._portolan.${world.running.zone.origin}`);
  steps += 1;
  const stamp = formatStamp({ epoch: 1, generation: steps, step: 0, plan: '0123456789abcdef' });
  const after = plainSet(name, 'TXT', [`"${stamp}"`], ttlOf(world, 300));
  const before = find(content, after);
  return before === undefined ? { after } : { before, after };
}

/** A TTL within the provider's bounds. */
export function ttlOf(world: World, wished: number): number {
  const { minSeconds, maxSeconds } = world.harness.kind.capabilities.ttl;
  return Math.min(maxSeconds, Math.max(minSeconds, wished));
}

/** Groups for sets that are to be there: those of one name make one group. */
export function groupsFor(content: ZoneContent, sets: readonly RecordSet[]): readonly ChangeGroup[] {
  const byName = Map.groupBy(sets, (set) => set.name);
  return [...byName].map(([name, ofName]) => ({
    name,
    changes: ofName.map((after) => {
      const before = find(content, after);
      return before === undefined ? { after } : { before, after };
    }),
  }));
}

export function removals(sets: readonly RecordSet[]): readonly ChangeGroup[] {
  const byName = Map.groupBy(sets, (set) => set.name);
  return [...byName].map(([name, ofName]) => ({ name, changes: ofName.map((before) => ({ before })) }));
}

/** Sends groups that were made from `content`, as the hub would. */
export function send(
  world: World,
  content: ZoneContent,
  groups: readonly ChangeGroup[],
  how: { readonly provider?: Provider; readonly running?: Running; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { provider = world.provider, running = world.running, signal = soon() } = how;
  const fence = fenceChange(world, content);
  const batch = { groups, tokens: content.tokens, ...(fence === undefined ? {} : { fence }) };
  return provider.apply(running.zone, batch, signal);
}

/** Reads the zone and makes the sets stand there. */
export async function put(world: World, ...sets: readonly RecordSet[]): Promise<void> {
  const content = await read(world);
  await send(world, content, groupsFor(content, sets));
}
