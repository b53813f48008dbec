import { judgeClaims } from '../../src/plan/losses.ts';
import type { CompileInput, NativeCompilation } from '../contract.ts';
import { CAPABILITIES } from './capabilities.ts';

/** DNS UPDATE carries plain records only, so the hub computes them; this says why the server cannot do more. */
export function compile({ placement }: CompileInput): NativeCompilation {
  const claims = placement.features.map((feature) => ({
    feature,
    kept: 'no' as const,
    detail:
      CAPABILITIES.routing.find((entry) => entry.feature === feature)?.reason ??
      'A zone that is written by UPDATE holds plain records.',
  }));
  return { outcome: 'no', features: judgeClaims(placement, claims).features };
}
