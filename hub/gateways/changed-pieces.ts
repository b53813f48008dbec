import type { CompiledListener, GatewayPart, VirtualHost } from '../../src/policy/model.ts';
import { pieceOf } from '../../src/policy/pieces.ts';
import { sameValue } from '../../src/policy/same-value.ts';

/**
 * Numbers of the pieces in which two parts differ. Entries that are the same objects cost a comparison; others are compared as JSON has
 * them, so that what was compiled anew to the same is no difference.
 * @param count pieces that both have
 */
export function changedPieces(before: GatewayPart, now: GatewayPart, count: number): ReadonlySet<number> {
  const changed = new Set<number>();
  const compare = (kind: string, old: Entries, entries: Entries): void => {
    for (const key of differing(old, entries)) changed.add(pieceOf(kind, key, count));
  };
  for (const kind of ['rules', 'backends', 'auth', 'edge'] as const) compare(kind, before[kind], now[kind]);
  compare('quotas', before.quota?.policies ?? {}, now.quota?.policies ?? {});
  const [old, listeners] = [listenersOf(before), listenersOf(now)];
  for (const id of new Set([...old.keys(), ...listeners.keys()])) {
    for (const hostname of differingHosts(old.get(id) ?? [], listeners.get(id) ?? []))
      changed.add(pieceOf(id, hostname, count));
  }
  return changed;
}

type Entries = Readonly<Record<string, object>>;

function differing(old: Entries, now: Entries): readonly string[] {
  if (old === now) return [];
  const keys: string[] = [];
  const names = Object.keys(now);
  let kept = 0;
  for (const key of names) {
    const known = Object.hasOwn(old, key) ? old[key] : undefined;
    if (known !== undefined) kept += 1;
    if (!sameValue(known, now[key])) keys.push(key);
  }
  const before = Object.keys(old);
  if (before.length > kept) for (const key of before) if (!Object.hasOwn(now, key)) keys.push(key);
  return keys;
}

/** Names of hosts that are other ones, that came, or that went. */
function differingHosts(old: readonly VirtualHost[], now: readonly VirtualHost[]): readonly string[] {
  if (old === now) return [];
  // Most stand where they stood, however many there are.
  let same = 0;
  while (same < now.length && old[same] === now[same]) same += 1;
  let last = 1;
  while (last <= now.length - same && last <= old.length - same && old.at(-last) === now.at(-last)) last += 1;
  const gone = new Map(old.slice(same, old.length - last + 1).map((host) => [host.hostname ?? '', host]));
  const names: string[] = [];
  for (const host of now.slice(same, now.length - last + 1)) {
    const name = host.hostname ?? '';
    if (!sameValue(gone.get(name), host)) names.push(name);
    gone.delete(name);
  }
  return [...names, ...gone.keys()];
}

function listenersOf({ ports }: GatewayPart): ReadonlyMap<string, CompiledListener['hosts']> {
  return new Map(ports.flatMap(({ listeners }) => listeners.map(({ id, hosts }) => [id, hosts] as const)));
}
