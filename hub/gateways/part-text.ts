import { Buffer } from 'node:buffer';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import type { GatewayPart } from '../../src/policy/model.ts';

/** How deep below a member of the part the many small values are: a rule, a backend; `ports` have hosts of listeners. */
const DEPTHS: { readonly [K in keyof GatewayPart]: number } = {
  ports: 5,
  rules: 1,
  backends: 1,
  auth: 1,
  edge: 1,
};
/** Values written in one go: a few milliseconds. */
const STEP = 200;

/**
 * Canonical JSON of a whole part, UTF-8, for agents that do not read it in pieces. Others have their turn meanwhile: with thousands of
 * routes it takes a second.
 */
export async function writeWhole(part: GatewayPart, breath: () => Promise<unknown>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let texts: string[] = [];
  for (const text of partTexts(part)) {
    if (texts.push(text) < STEP) continue;
    chunks.push(Buffer.from(texts.join(''), 'utf8'));
    texts = [];
    await breath();
  }
  return Buffer.concat([...chunks, Buffer.from(texts.join(''), 'utf8')]);
}

function* partTexts(part: GatewayPart): Generator<string, void, undefined> {
  let before = '{';
  for (const [name, value] of sorted(part)) {
    yield `${before}${JSON.stringify(name)}:`;
    yield* textsOf(value, DEPTHS[name as keyof GatewayPart] ?? 0);
    before = ',';
  }
  yield '}';
}

function* textsOf(value: unknown, depth: number): Generator<string, void, undefined> {
  if (depth === 0 || typeof value !== 'object' || value === null) {
    yield canonicalJson(value);
    return;
  }
  const isList = Array.isArray(value);
  let before = isList ? '[' : '{';
  for (const [name, member] of isList ? value.entries() : sorted(value)) {
    yield isList ? before : `${before}${JSON.stringify(name)}:`;
    yield* textsOf(member, depth - 1);
    before = ',';
  }
  yield before === ',' ? (isList ? ']' : '}') : isList ? '[]' : '{}';
}

/** Members as `canonicalJson` has them. */
function sorted(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
