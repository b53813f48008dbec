import type { ProviderHarness } from '../provider-harness.ts';
import { azure } from './azure.ts';
import { google } from './google.ts';

/** Every column of the conformance matrix, in its order. */
export const HARNESSES: readonly ProviderHarness[] = [azure, google];
