import { judgeClaims } from '../../src/plan/losses.ts';
import type { NativeCompilation } from '../../src/plan/native-compilation.ts';
import type { CompileInput } from '../contract.ts';

/** Pure. A tree of Traffic Manager profiles behind an alias, when the account wants those. */
export function compileAzure({ placement }: CompileInput): NativeCompilation {
  return { outcome: 'no', features: judgeClaims(placement, []).features };
}
