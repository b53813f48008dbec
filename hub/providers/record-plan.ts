import type { RecordPlan } from '../api/dns-services.ts';
import type { World } from '../reconcile/world.ts';
import { describedLines } from './described-lines.ts';
import type { Preview, ProviderDesk } from './desk.ts';
import { type HeldZone, heldZones } from './zone-keys.ts';

interface Compared {
  readonly held: HeldZone;
  readonly now: Preview;
  readonly next: Preview;
}

/**
 * What one world instead of another would write at DNS providers. Zones in which it would write anything are read again first, so that what
 * somebody else wrote a moment ago is seen. Never writes.
 * @param changed objects that differ: `trafficpolicy/namespace/name`
 */
export async function planRecords(
  desk: Pick<ProviderDesk, 'preview' | 'freshen' | 'kindOf'>,
  {
    before,
    after,
    changed,
  }: { readonly before: World; readonly after: World; readonly changed: ReadonlySet<string> },
): Promise<RecordPlan> {
  const compare = (held: HeldZone): Compared => ({
    held,
    now: desk.preview(before, held),
    next: desk.preview(after, held),
  });
  const compared = heldZones(after).map(compare);
  const touched = new Set(compared.filter(isTouched).map(({ held }) => held));
  await desk.freshen([...touched]);
  const reports: RecordPlan['reports'][number][] = [];
  const zones: RecordPlan['zones'][number][] = [];
  for (const known of compared) {
    const { held, now, next } = touched.has(known.held) ? compare(known.held) : known;
    const wanted = setsByName(now);
    for (const { desired, report } of next.names) {
      const otherwise = wanted.get(desired.name) !== JSON.stringify(desired.sets);
      if (otherwise || changed.has(desired.resource)) reports.push(report);
    }
    const common = { provider: held.provider, origin: held.wanted.origin };
    if (!next.known) {
      if (next.names.length > 0) zones.push({ ...common, changes: [], held: [], unknown: next.why });
      continue;
    }
    const kind = desk.kindOf(held.resource.spec);
    // What is due anyway is no consequence of these changes.
    const due = new Set(
      now.known ? describedLines(now.plan, now.names, kind).map((line) => JSON.stringify(line)) : [],
    );
    const lines = describedLines(next.plan, next.names, kind).filter(
      (line) => !due.has(JSON.stringify(line)),
    );
    const waits = new Set(now.known ? now.plan.held.map(({ name, code }) => `${name} ${code}`) : []);
    const heldNames = next.plan.held.filter(({ name, code }) => !waits.has(`${name} ${code}`));
    if (lines.length === 0 && heldNames.length === 0) continue;
    const age = next.staleForMs === undefined ? {} : { readSecondsAgo: Math.round(next.staleForMs / 1000) };
    zones.push({ ...common, changes: lines, held: heldNames, ...age });
  }
  return { reports, zones };
}

/** Something is wanted there otherwise, or no more. */
function isTouched({ now, next }: Compared): boolean {
  const wanted = setsByName(now);
  return (
    next.names.length !== wanted.size ||
    next.names.some(({ desired }) => wanted.get(desired.name) !== JSON.stringify(desired.sets))
  );
}

function setsByName({ names }: Preview): ReadonlyMap<string, string | undefined> {
  return new Map(names.map(({ desired }) => [desired.name, JSON.stringify(desired.sets)]));
}
