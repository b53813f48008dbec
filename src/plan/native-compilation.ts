import type { AidSpec } from './aid.ts';
import type { FeatureReport } from './compile-report.ts';
import type { RecordSet } from './record-set.ts';

/**
 * What a provider's own routing makes of a placement. `native`: the sets at the hostname and below the pool suffix, in the order in which they
 * must be created (targets before aliases that name them), and a report on every feature of the placement. `no`: this provider cannot route
 * it, and why; the hub then publishes plain records.
 */
export type NativeCompilation =
  | {
      readonly outcome: 'native';
      readonly sets: readonly RecordSet[];
      readonly aids: readonly AidSpec[];
      readonly features: readonly FeatureReport[];
      /** What happens while the hub is away: one sentence. */
      readonly hubDown: string;
    }
  | {
      readonly outcome: 'no';
      readonly features: readonly FeatureReport[];
      /** What stands in the way of all routing of this name, a limit for example: one sentence. A report says it only of features that the policy asks for. */
      readonly reason?: string;
    };
