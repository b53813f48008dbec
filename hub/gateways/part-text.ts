import { createHash } from 'node:crypto';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import type { GatewayPart } from '../../src/policy/model.ts';
import { canonicalTextOf } from '../reconcile/canonical-text.ts';

const texts = new WeakMap<GatewayPart, string>();

/** How deep below a member of the part the values are that stay the same objects: a rule, a backend; `ports` have matches of hosts of listeners. */
const DEPTHS: { readonly [K in keyof GatewayPart]: number } = {
  ports: 7,
  rules: 1,
  backends: 1,
  auth: 1,
  edge: 1,
};

/** `canonicalJson(part)`, where what is the same object as in an earlier part is not written again: of thousands of routes one changes. */
export function gatewayPartText(part: GatewayPart): string {
  const known = texts.get(part);
  if (known !== undefined) return known;
  const members = Object.entries(part) as readonly [keyof GatewayPart, unknown][];
  const text = objectText(members.map(([name, value]) => [name, textAt(value, DEPTHS[name] ?? 0)]));
  texts.set(part, text);
  return text;
}

/** Entries written in one go: a millisecond or two. */
const STEP = 500;

/** Writes what `gatewayPartText` is put together from, and lets others have their turn: with thousands of routes it takes a second the first time. */
export async function writeInSteps(part: GatewayPart, breath: () => Promise<unknown>): Promise<void> {
  if (texts.has(part)) return;
  const entries: readonly object[] = [...Object.values(part.rules), ...Object.values(part.backends)];
  for (let i = 0; i < entries.length; i += STEP) {
    for (const entry of entries.slice(i, i + STEP)) canonicalTextOf(entry);
    await breath();
  }
}

/** Hex SHA-256 of it. */
export function gatewayPartDigest(part: GatewayPart): string {
  return createHash('sha256').update(gatewayPartText(part)).digest('hex');
}

/** `now` with the rules, backends and policies that say the same in `before` replaced by those. */
export function withSameEntries(before: GatewayPart, now: GatewayPart): GatewayPart {
  return {
    ...now,
    rules: sameEntries(before.rules, now.rules),
    backends: sameEntries(before.backends, now.backends),
    auth: sameEntries(before.auth, now.auth),
    edge: sameEntries(before.edge, now.edge),
  };
}

function sameEntries<V extends object>(
  before: Readonly<Record<string, V>>,
  now: Readonly<Record<string, V>>,
): Readonly<Record<string, V>> {
  const kept: Record<string, V> = {};
  for (const [key, value] of Object.entries(now)) {
    const known = Object.hasOwn(before, key) ? before[key] : undefined;
    kept[key] = known !== undefined && same(known, value) ? known : value;
  }
  return kept;
}

/** Of two values as JSON has them; without writing either. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && same(left[name], right[name]))
  );
}

function textAt(value: unknown, depth: number): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return canonicalJson(value);
  if (depth === 0) return canonicalTextOf(value);
  if (Array.isArray(value)) return `[${value.map((one: unknown) => textAt(one, depth - 1)).join(',')}]`;
  return objectText(Object.entries(value).map(([name, member]) => [name, textAt(member, depth - 1)]));
}

function objectText(members: readonly (readonly [string, string | undefined])[]): string {
  const written = members
    .filter(([, text]) => text !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, text]) => `${JSON.stringify(name)}:${text ?? ''}`);
  return `{${written.join(',')}}`;
}
