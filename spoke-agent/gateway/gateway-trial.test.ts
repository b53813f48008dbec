import { describe, expect, it } from 'vitest';
import { EDGE, matchOf, type PartChanges, partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { type CompiledAuth, type GatewayPart, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { piecesOf, readPiece } from '../../src/policy/piece-bytes.ts';
import type { GatewayPiece } from '../../src/policy/pieces.ts';
import type { GatewayFile } from './configuration.ts';
import { createGatewayTrial, type GatewayTrial } from './gateway-trial.ts';

const PIECES = 8;
/** Enough of each kind that a change leaves most pieces as they are. */
const NAMES = Array.from({ length: 40 }, (_, i) => `r${i}`);
const partWith = (changes: PartChanges = {}): GatewayPart => ({
  ...partOf(8080, {
    rules: NAMES.map((name) => ruleOf(name)),
    hosts: NAMES.map((name) => ({ hostname: `${name}.example.com`, matches: [matchOf(name)] })),
    ...changes,
  }),
});
const GOOD = partWith();

/** @param change what a hub would never do */
function fileOf(
  part: GatewayPart,
  change: (pieces: readonly GatewayPiece[]) => readonly unknown[] = (pieces) => pieces,
): GatewayFile {
  const { frame, pieces } = piecesOf(part, PIECES);
  const read = frame.pieces.map(({ sha256 }) => readPiece(pieces.get(sha256) ?? new Uint8Array()));
  const texts = change(read).map((piece) =>
    Buffer.from(typeof piece === 'string' ? piece : canonicalJson(piece)),
  );
  const refs = texts.map((text) => ({ sha256: sha256Hex(text), size: text.length }));
  const own = { ...frame, pieces: refs };
  return {
    form: 'pieces',
    digest: sha256Hex(canonicalJson(own)),
    secretsDigest: '',
    secrets: () => NO_GATEWAY_SECRETS,
    frame: own,
    pieces: new Map(texts.map((text) => [sha256Hex(text), text])),
  };
}

/** One that has seen `GOOD`. */
const afterGood = (): GatewayTrial => {
  const trial = createGatewayTrial();
  expect(trial.problems(fileOf(GOOD))).toEqual([]);
  return trial;
};
const rulesBut = (name: string, rule: Parameters<typeof ruleOf>[1]) =>
  NAMES.map((each) => (each === name ? ruleOf(each, rule) : ruleOf(each)));
const BROKEN_CALLER = { callers: [{ when: 'auth.principal ==', backends: [] }] };

describe('I11 a gateway in pieces is tried out', () => {
  it.each<[string, GatewayPart, string]>([
    [
      'a rule that cannot be made ready',
      partWith({ rules: rulesBut('r7', BROKEN_CALLER) }),
      'gateway listener',
    ],
    [
      'a host with a pattern that is none',
      partWith({
        hosts: NAMES.map((name) => ({
          hostname: `${name}.example.com`,
          matches: [matchOf(name, name === 'r9' ? { path: { type: 'regex', value: '/(' } } : {})],
        })),
      }),
      'regular expression',
    ],
    [
      'a rule that is gone and still has a host',
      partWith({ rules: NAMES.slice(1).map((n) => ruleOf(n)) }),
      'no rule r0',
    ],
    ['a backend that is gone and still has rules', { ...GOOD, backends: {} }, 'there is no backend service'],
    ['an edge that is gone', { ...GOOD, edge: { other: EDGE } }, 'there is no edge edge'],
    [
      'a name that every object has',
      partWith({ rules: rulesBut('r3', { edge: 'constructor' }) }),
      'no edge constructor',
    ],
    [
      'a policy that was never there',
      partWith({ rules: rulesBut('r3', { auth: 'a' }) }),
      'there is no policy a',
    ],
    [
      'a policy of a shape that it does not know',
      partWith({ auth: { a: { when: ['request.'], authentication: 0 } as unknown as CompiledAuth } }),
      'gateway.auth.a',
    ],
  ])('%s is refused, at first and after a good one', (_, part, said) => {
    expect(createGatewayTrial().problems(fileOf(part)).join()).toContain(said);
    expect(afterGood().problems(fileOf(part)).join()).toContain(said);
    const later = createGatewayTrial();
    later.believe(fileOf(GOOD));
    expect(later.problems(fileOf(part)).join()).toContain(said);
  });

  it('and of what comes after another one only what is new', () => {
    const broken = fileOf(partWith({ rules: rulesBut('r7', BROKEN_CALLER) }));
    const trial = createGatewayTrial();
    // Nobody would: it shows that what is believed is not built once more.
    trial.believe(broken);
    expect(
      trial.problems(fileOf(partWith({ rules: [...rulesBut('r7', BROKEN_CALLER), ruleOf('new')] }))),
    ).toEqual([]);
    const host = { hostname: 'new.example.com', matches: [matchOf('r7')] };
    const more = partWith({
      rules: rulesBut('r7', BROKEN_CALLER),
      hosts: [...NAMES.map((name) => ({ hostname: `${name}.example.com`, matches: [matchOf(name)] })), host],
    });
    expect(trial.problems(fileOf(more)).join()).toContain('gateway listener');
  });

  const stray = { ...GOOD.rules.r0, filters: [] };
  it.each<[string, (pieces: readonly GatewayPiece[]) => readonly unknown[], string]>([
    [
      'a rule in two pieces, of which one or the other might be served',
      (pieces) => pieces.map((piece) => ({ ...piece, rules: { ...piece.rules, r0: stray } })),
      'in two pieces',
    ],
    [
      'a host in two pieces',
      (pieces) =>
        pieces.map((piece) => ({
          ...piece,
          hosts: { 'default/gateway/http': [{ hostname: 'r0.example.com', matches: [matchOf('r1')] }] },
        })),
      'in two pieces',
    ],
    ['a piece that is named twice', (pieces) => pieces.map((_, at) => pieces[at >> 1]), 'in two pieces'],
    [
      'a name that would be the prototype of all others',
      (pieces) =>
        pieces.map((piece, at) =>
          at > 0
            ? piece
            : canonicalJson(piece).replace('"rules":{', `"rules":{"__proto__":${canonicalJson(GOOD.rules)},`),
        ),
      '__proto__ is no name',
    ],
    [
      'a piece that is a list',
      (pieces) => pieces.map((piece, at) => (at > 0 ? piece : [])),
      'expected object',
    ],
    [
      'a piece without rules',
      (pieces) => pieces.map((piece, at) => (at > 0 ? piece : { ...piece, rules: 7 })),
      'gateway.rules',
    ],
  ])('%s is refused', (_, change, said) => {
    expect(createGatewayTrial().problems(fileOf(GOOD, change)).join()).toContain(said);
    expect(afterGood().problems(fileOf(GOOD, change)).join()).toContain(said);
  });

  it('equal pieces are legal when they are empty, and text that is not canonical is what it says', () => {
    const one = partWith({
      rules: [ruleOf('r0')],
      hosts: [{ hostname: 'a.example.com', matches: [matchOf('r0')] }],
    });
    const file = fileOf(one);
    expect(file.form === 'pieces' && file.pieces.size).toBeLessThan(PIECES);
    expect(createGatewayTrial().problems(file)).toEqual([]);
    const spaced = fileOf(GOOD, (pieces) => pieces.map((piece) => JSON.stringify(piece, undefined, 1)));
    expect(afterGood().problems(spaced)).toEqual([]);
  });
});
