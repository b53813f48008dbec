import { z } from 'zod';
import { GATEWAY_CONTROLLER } from '../../../src/resources/gateway.ts';
import type { Verdict } from '../../../src/resources/kstatus.ts';
import { GATEWAY_API_GROUP } from '../../../src/resources/route-fields.ts';
import { canonicalJson } from '../../store/canonical.ts';
import { inSeconds, type StandingCondition, standingConditions } from './standing-conditions.ts';

/** Statuses that are lists with entries of several controllers, each under its `controllerName`. */
export type SharedList = 'parents' | 'ancestors';

const entries = z.array(z.looseObject({ controllerName: z.string().optional() })).catch([]);
const parentRef = z.object({
  group: z.string().default(GATEWAY_API_GROUP),
  kind: z.string().default('Gateway'),
  namespace: z.string().optional(),
  name: z.string(),
  sectionName: z.string().optional(),
  port: z.number().optional(),
});
const routeSpec = z.looseObject({ parentRefs: z.array(parentRef).catch([]) }).catch({ parentRefs: [] });
const parentEntry = z.looseObject({ parentRef });

type Entry = z.output<typeof entries>[number];
export type ParentRef = z.output<typeof parentRef>;

/** The Gateways that a route names, as far as that can be read: what the hub refuses may be anything. */
export function gatewaysNamed(spec: unknown): readonly ParentRef[] {
  return routeSpec
    .parse(spec ?? {})
    .parentRefs.filter(({ group, kind }) => group === GATEWAY_API_GROUP && kind === 'Gateway');
}

export function listOf(status: unknown, list: SharedList): readonly Entry[] {
  if (typeof status !== 'object' || status === null) return [];
  return entries.parse(Object.entries(status).find(([name]) => name === list)?.[1] ?? []);
}

/** What stands there under the name of our controller. */
export function ownOf(status: unknown, list: SharedList): readonly Entry[] {
  return listOf(status, list).filter(({ controllerName }) => controllerName === GATEWAY_CONTROLLER);
}

/** The list of a shared status with our entries put in the place of ours before. */
export function mergedEntries(
  list: SharedList,
  found: unknown,
  ours: unknown,
): Readonly<Record<string, unknown>> {
  const others = listOf(found, list).filter(({ controllerName }) => controllerName !== GATEWAY_CONTROLLER);
  const rest = typeof found === 'object' && found !== null ? found : {};
  return { ...rest, [list]: [...others, ...listOf(ours, list)] };
}

/** A spec that the hub did not take: what it says of that. */
export interface Refusal {
  readonly accepted: Verdict;
  readonly generation: number;
  /** For conditions that turn now. */
  readonly nowIso: string;
}

/**
 * Our entries of a route whose newest spec does not hold: one for each Gateway that it names and that is the hub's, or that we have spoken of before.
 * What is served is the spec before, so the other conditions stay.
 * @param said the hub's own entries, of the spec before
 * @param standing our entries in Kubernetes
 */
export function refusedParents(
  parents: readonly ParentRef[],
  isHubs: (parent: ParentRef) => boolean,
  said: readonly Entry[],
  standing: readonly Entry[],
  refusal: Refusal,
): readonly Entry[] {
  return parents.flatMap((parent) => {
    const known = entryOf(said, parent);
    const before = entryOf(standing, parent);
    if (known === undefined && before === undefined && !isHubs(parent)) return [];
    return [
      {
        parentRef: parent,
        controllerName: GATEWAY_CONTROLLER,
        conditions: refusedConditions(known ?? before, before, refusal),
      },
    ];
  });
}

/** Our entries of a policy whose newest spec does not hold. Where it would act is the hub's to find out: of one that never held there are none. */
export function refusedAncestors(
  said: readonly Entry[],
  standing: readonly Entry[],
  refusal: Refusal,
): readonly Entry[] {
  return said.map((one) => {
    const before = standing.find(
      ({ ancestorRef }) => canonicalJson(ancestorRef) === canonicalJson(one.ancestorRef),
    );
    return { ...one, conditions: refusedConditions(one, before, refusal) };
  });
}

function entryOf(list: readonly Entry[], parent: ParentRef): Entry | undefined {
  return list.find((one) => {
    const read = parentEntry.safeParse(one);
    return read.success && canonicalJson(read.data.parentRef) === canonicalJson(parent);
  });
}

function refusedConditions(
  said: Entry | undefined,
  before: Entry | undefined,
  { accepted, generation, nowIso }: Refusal,
): readonly (StandingCondition | object)[] {
  const stood = standingConditions(before).find(({ type }) => type === 'Accepted');
  const lastTransitionTime =
    stood?.status === accepted.status && stood.lastTransitionTime !== ''
      ? stood.lastTransitionTime
      : inSeconds(nowIso);
  return [
    { ...accepted, observedGeneration: generation, lastTransitionTime },
    ...standingConditions(said).filter(({ type }) => type !== 'Accepted'),
  ];
}
