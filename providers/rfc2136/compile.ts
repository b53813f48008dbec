import type { CompileInput, NativeCompilation } from '../contract.ts';
import { CAPABILITIES } from './capabilities.ts';

/** DNS UPDATE carries plain records only, so the hub computes them; what that loses is judged there. */
export function compile({ placement }: CompileInput): NativeCompilation {
  return {
    outcome: 'no',
    features: CAPABILITIES.routing
      .filter(({ feature }) => placement.features.includes(feature))
      .map(({ feature, reason }) => ({ feature, handling: 'lost', detail: reason })),
  };
}
