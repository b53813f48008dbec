import type { ProviderHarness } from '../provider-harness.ts';
import { azure } from './azure.ts';
import { bind } from './bind.ts';
import { google } from './google.ts';
import { knot } from './knot.ts';

/** Every column of the conformance matrix, in its order. */
export const HARNESSES: readonly ProviderHarness[] = [azure, google, bind, knot];
