import type { ProviderHarness } from '../provider-harness.ts';
import { azure, azureTrafficManager } from './azure.ts';
import { bind } from './bind.ts';
import { embedded } from './embedded.ts';
import { google } from './google.ts';
import { knot } from './knot.ts';
import { powerdns, powerdnsLua } from './powerdns.ts';
import { route53 } from './route53.ts';
import { route53Moto } from './route53-moto.ts';

/** Every column of the conformance matrix, in its order. */
export const HARNESSES: readonly ProviderHarness[] = [
  route53,
  route53Moto,
  azure,
  azureTrafficManager,
  google,
  powerdns,
  powerdnsLua,
  bind,
  knot,
  embedded,
];
