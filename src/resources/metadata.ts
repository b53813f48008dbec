import { z } from 'zod';

export const API_VERSION = 'portolan.dev/v1alpha1';

/** RFC 1123 label, as Kubernetes names objects: 1 to 63 of `a-z 0-9 -`, not at the ends. */
export const objectName = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'lower-case letters, digits and "-", starting and ending with a letter or digit',
  );

const labelMap = z.record(z.string().min(1).max(317), z.string().max(4096));

/** What a person may write in `metadata`; the rest is the hub's. */
export const metadataInput = z.strictObject({
  namespace: objectName.default('default'),
  name: objectName,
  labels: labelMap.optional(),
  annotations: labelMap.optional(),
  finalizers: z.array(z.string().min(1).max(253)).max(20).optional(),
  resourceVersion: z
    .string()
    .regex(/^\d+$/)
    .optional()
    .describe('When given, the write succeeds only if it still is the stored one.'),
  uid: z.string().max(64).optional(),
  generation: z.number().int().positive().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
});

export type MetadataInput = z.output<typeof metadataInput>;

/** Metadata as stored. */
export interface Metadata {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The store's revision of the last write to this object, decimal; grows over the whole store. */
  readonly resourceVersion: string;
  /** Grows by one when `spec` changes. */
  readonly generation: number;
  /** RFC 3339, UTC. */
  readonly creationTimestamp: string;
  /** Set once deletion was asked for; the object goes when `finalizers` is empty. */
  readonly deletionTimestamp?: string;
  readonly finalizers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Kubernetes-shaped status condition. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for programs. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** Returns `conditions` with `next` set; `lastTransitionTime` moves only when the status changes. */
export function withCondition(
  conditions: readonly Condition[],
  next: Omit<Condition, 'lastTransitionTime'>,
  nowIso: string,
): readonly Condition[] {
  const previous = conditions.find((c) => c.type === next.type);
  const lastTransitionTime = previous?.status === next.status ? previous.lastTransitionTime : nowIso;
  const others = conditions.filter((c) => c.type !== next.type);
  return [...others, { ...next, lastTransitionTime }].sort((a, b) => (a.type < b.type ? -1 : 1));
}
