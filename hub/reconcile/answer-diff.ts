import { type AnswerDifference, diffAnswers, PLACES } from '../../src/plan/answers.ts';
import type { GeoLookup, StateView } from '../../src/routing/model.ts';
import type { AnswerChange, AnswerDiff } from '../api/services.ts';
import { drainedClusters } from './capacity.ts';
import { withDrains } from './proposed-view.ts';
import type { World } from './world.ts';
import { isServed, servedOrigins } from './zones.ts';

/** Where the GeoIP database puts a network. */
type Locate = GeoLookup['locate'];

/** Who gets something else, everywhere, when `next` replaces `world`. */
export function answerDiff(
  world: World,
  next: World,
  health: { readonly view: StateView },
  wallMs: number,
  locate: Locate,
): Promise<AnswerDiff> {
  return differences(
    world,
    next,
    health,
    drainedClusters(world, wallMs),
    drainedClusters(next, wallMs),
    locate,
  );
}

/** Who gets something else when a drill takes `cluster` out. */
export function answersWithout(
  world: World,
  cluster: string,
  health: { readonly view: StateView },
  wallMs: number,
  locate: Locate,
): Promise<AnswerDiff> {
  const drained = drainedClusters(world, wallMs);
  return differences(world, world, health, drained, new Set([...drained, cluster]), locate);
}

/** A hub that compares thousands of policies still hears its agents: it lets others work after this much of its own. */
const WORK_MS = 20;

async function differences(
  world: World,
  next: World,
  health: { readonly view: StateView },
  drainedBefore: ReadonlySet<string>,
  drainedAfter: ReadonlySet<string>,
  locate: Locate,
): Promise<AnswerDiff> {
  const hostnames = new Set([...world.hostnames.keys(), ...next.hostnames.keys()]);
  const sameDrains =
    drainedBefore.size === drainedAfter.size && [...drainedBefore].every((c) => drainedAfter.has(c));
  const before = withDrains(health.view, drainedBefore);
  const after = withDrains(health.view, drainedAfter);
  const changes: AnswerChange[] = [];
  // Hostnames of one policy change alike: they are compared once.
  const compared = new Map<string, readonly AnswerDifference[]>();
  let restedAt = performance.now();
  const zonesChange = world.objects.Zone !== next.objects.Zone;
  const [originsBefore, originsAfter] = [servedOrigins(world), servedOrigins(next)];
  for (const hostname of [...hostnames].sort()) {
    const was = world.policies.get(world.hostnames.get(hostname) ?? '');
    const will = next.policies.get(next.hostnames.get(hostname) ?? '');
    // A name outside every zone is answered by nobody, whatever its policy says.
    const answeredBefore = isServed(hostname, originsBefore);
    const answeredAfter = zonesChange ? isServed(hostname, originsAfter) : answeredBefore;
    if (sameDrains && was?.routed === will?.routed && answeredBefore === answeredAfter) continue;
    const namespace = (will ?? was)?.resource.metadata.namespace ?? '';
    const pair = `${world.hostnames.get(hostname) ?? ''} ${next.hostnames.get(hostname) ?? ''} ${answeredBefore} ${answeredAfter}`;
    let found = compared.get(pair);
    if (found === undefined) {
      found = diffAnswers(
        { policy: answeredBefore ? was?.routed?.compiled : undefined, state: before, locate },
        { policy: answeredAfter ? will?.routed?.compiled : undefined, state: after, locate },
      );
      compared.set(pair, found);
      if (performance.now() - restedAt > WORK_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        restedAt = performance.now();
      }
    }
    for (const difference of found) changes.push({ hostname, namespace, ...difference });
  }
  return { changes, compared: { hostnames: hostnames.size, places: PLACES.length } };
}
