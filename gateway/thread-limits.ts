import type { ResourceLimits } from 'node:worker_threads';

/**
 * What a gateway thread may take for objects that live as long as a request, MB: half of the default, which two threads with a million
 * keys under load would not stay within 250 MiB with. Less than this moves what is short-lived among what stays, and takes more.
 */
export const THREAD_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 24 };
