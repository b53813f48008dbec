import type { Behaviours } from './behaviour.ts';
import { GUARDING } from './guarding.ts';
import { ROUTING } from './routing.ts';
import { STREAMING } from './streaming.ts';

/** Rows of the table, in its order. */
export const BEHAVIOURS: Behaviours = { ...ROUTING, ...GUARDING, ...STREAMING };
