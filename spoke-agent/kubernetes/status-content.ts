import { createHash } from 'node:crypto';
import { z } from 'zod';
import { GATEWAY_CONTROLLER } from '../../src/resources/gateway.ts';

/*
 * Statuses of the Gateway API as they stand in the API server, and as the hub wants them. Two of them are told apart by `ownEntries`, which leaves out times.
 */

export type StatusKind =
  | 'GatewayClass'
  | 'Gateway'
  | 'HTTPRoute'
  | 'GRPCRoute'
  | 'BackendTLSPolicy'
  | 'ReferenceGrant';

/** `metav1.Condition` */
const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string().default(''),
  observedGeneration: z.number().default(0),
  lastTransitionTime: z.string().default(''),
});
export type StatusCondition = z.output<typeof condition>;
const conditions = z.array(condition).default([]);

const address = z.object({ type: z.string().default('IPAddress'), value: z.string() });
const gatewayStatus = z.object({
  addresses: z.array(address).default([]),
  conditions,
  listeners: z
    .array(
      z.object({
        name: z.string(),
        supportedKinds: z.array(z.object({ group: z.string().optional(), kind: z.string() })).default([]),
        attachedRoutes: z.number().default(0),
        conditions,
      }),
    )
    .default([]),
});
export type GatewayStatusContent = z.output<typeof gatewayStatus>;

/** An entry of `status.parents` or `status.ancestors`. */
const entry = z.looseObject({ controllerName: z.string() });
const ownEntry = z.object({
  controllerName: z.string(),
  parentRef: z.record(z.string(), z.unknown()).optional(),
  ancestorRef: z.record(z.string(), z.unknown()).optional(),
  conditions,
});
export type OwnEntry = z.output<typeof ownEntry>;
type Entry = z.output<typeof entry>;

const routeStatus = z.looseObject({ parents: z.array(entry).default([]) });
const policyStatus = z.looseObject({ ancestors: z.array(entry).default([]) });
const classStatus = z.object({
  conditions,
  supportedFeatures: z.array(z.object({ name: z.string() })).default([]),
});

/** At most so many entries may stand in a route's or a policy's status. */
const MAX_ENTRIES = { parents: 32, ancestors: 16 } as const;

const LIST = { HTTPRoute: 'parents', GRPCRoute: 'parents', BackendTLSPolicy: 'ancestors' } as const;
export type EntryKind = keyof typeof LIST;

/**
 * What our controller says in a status, so that equal texts are equal statuses: without times and without what others wrote. Of routes and
 * policies a digest, since there are thousands.
 */
export function ownEntries(kind: StatusKind, status: unknown): string {
  // Most objects of a first list; a failed parse costs more than all the rest.
  if (status === undefined || status === null) return '';
  switch (kind) {
    case 'ReferenceGrant':
      return '';
    case 'GatewayClass': {
      const found = classStatus.safeParse(status);
      if (!found.success) return '';
      return textOfClass(
        found.data.conditions,
        found.data.supportedFeatures.map(({ name }) => name),
      );
    }
    case 'Gateway': {
      const found = gatewayStatus.safeParse(status);
      return found.success ? textOfGateway(found.data) : '';
    }
    default: {
      const own = ownOf(entriesOf(kind, status));
      return own.length === 0 ? '' : digestOf(own);
    }
  }
}

/** The digest of these entries of ours, as `ownEntries` has it of an object that holds them. */
export function digestOf(own: readonly OwnEntry[]): string {
  const text = own.map(({ controllerName, conditions: all, ...refs }) => [
    controllerName,
    sorted(refs.parentRef ?? refs.ancestorRef ?? {}),
    sortedConditions(all),
  ]);
  return createHash('sha256').update(JSON.stringify(text)).digest('base64').slice(0, 22);
}

export function textOfGateway({ addresses, conditions: own, listeners }: GatewayStatusContent): string {
  return JSON.stringify([
    addresses.map(({ type, value }) => [type, value]),
    sortedConditions(own),
    listeners
      .map((listener) => [
        listener.name,
        listener.supportedKinds.map(({ group, kind }) => `${group ?? ''}/${kind}`),
        listener.attachedRoutes,
        sortedConditions(listener.conditions),
      ])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
  ]);
}

export function textOfClass(all: readonly StatusCondition[], features: readonly string[]): string {
  return JSON.stringify([sortedConditions(all), features]);
}

/** Gateway statuses of the hub's JSON. @throws ZodError */
export function parseGatewayStatus(status: unknown): GatewayStatusContent {
  return gatewayStatus.parse(status);
}

/** Entries of the hub's JSON. @throws ZodError */
export function parseOwnEntries(status: unknown): readonly OwnEntry[] {
  return z
    .array(ownEntry)
    .max(64)
    .parse(status)
    .map((own) => ({ ...own, controllerName: GATEWAY_CONTROLLER }));
}

/** What stands there of a Gateway; nothing when it cannot be read. */
export function standingGateway(status: unknown): GatewayStatusContent {
  const found = gatewayStatus.safeParse(status);
  return found.success ? found.data : { addresses: [], conditions: [], listeners: [] };
}

export function standingFeatures(status: unknown): readonly string[] {
  const found = classStatus.safeParse(status);
  return found.success ? found.data.supportedFeatures.map(({ name }) => name) : [];
}

export function standingConditions(status: unknown): readonly StatusCondition[] {
  const found = classStatus.safeParse(status);
  return found.success ? found.data.conditions : [];
}

/** The wanted conditions with the times of those that stand there with the same status (KEP-1623). */
export function withTimes(
  wanted: readonly StatusCondition[],
  standing: readonly StatusCondition[],
  nowIso: string,
): readonly StatusCondition[] {
  return wanted.map((own) => {
    const before = standing.find(({ type }) => type === own.type);
    const keeps = before?.status === own.status && before.lastTransitionTime !== '';
    return { ...own, lastTransitionTime: keeps ? before.lastTransitionTime : nowIso };
  });
}

export function gatewayWithTimes(
  wanted: GatewayStatusContent,
  standing: GatewayStatusContent,
  nowIso: string,
): GatewayStatusContent {
  return {
    addresses: wanted.addresses,
    conditions: [...withTimes(wanted.conditions, standing.conditions, nowIso)],
    listeners: wanted.listeners.map((listener) => {
      const before = standing.listeners.find(({ name }) => name === listener.name);
      return {
        ...listener,
        conditions: [...withTimes(listener.conditions, before?.conditions ?? [], nowIso)],
      };
    }),
  };
}

/**
 * The status of a route or policy with our entries in it and those of others where they were; undefined: it says that already. Entries of ours that
 * find no room (others have filled the list) are left out.
 */
export function statusWith(
  kind: EntryKind,
  status: unknown,
  wanted: readonly OwnEntry[],
  nowIso: string,
): Readonly<Record<string, unknown>> | undefined {
  const list = LIST[kind];
  const all = entriesOf(kind, status);
  const own = ownOf(all);
  if ((own.length === 0 ? '' : digestOf(own)) === (wanted.length === 0 ? '' : digestOf(wanted)))
    return undefined;
  const others = all.filter(({ controllerName }) => controllerName !== GATEWAY_CONTROLLER);
  const timed = wanted.map((mine) => {
    const before = own.find((standing) => refOf(standing) === refOf(mine));
    return { ...mine, conditions: withTimes(mine.conditions, before?.conditions ?? [], nowIso) };
  });
  const rest = typeof status === 'object' && status !== null ? status : {};
  return { ...rest, [list]: [...others, ...timed].slice(0, MAX_ENTRIES[list]) };
}

function refOf({ parentRef, ancestorRef }: OwnEntry): string {
  return JSON.stringify(sorted(parentRef ?? ancestorRef ?? {}));
}

function entriesOf(kind: EntryKind, status: unknown): readonly Entry[] {
  if (LIST[kind] === 'parents') {
    const found = routeStatus.safeParse(status);
    return found.success ? found.data.parents : [];
  }
  const found = policyStatus.safeParse(status);
  return found.success ? found.data.ancestors : [];
}

function ownOf(all: readonly Entry[]): readonly OwnEntry[] {
  return all.flatMap((one) => {
    if (one.controllerName !== GATEWAY_CONTROLLER) return [];
    const own = ownEntry.safeParse(one);
    return own.success ? [own.data] : [];
  });
}

function sortedConditions(all: readonly StatusCondition[]): readonly unknown[] {
  return all
    .map(({ type, status, reason, message, observedGeneration }) => [
      type,
      status,
      reason,
      message,
      observedGeneration,
    ])
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}

function sorted(record: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
