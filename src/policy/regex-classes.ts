/** A set of Unicode code points: inclusive ranges, sorted, not touching. */
export type CodePoints = readonly (readonly [from: number, to: number])[];

const LAST = 0x10_ffff;

export const ANY: CodePoints = [[0, LAST]];
/** `.` without flag `s`. */
export const NOT_NEWLINE: CodePoints = [
  [0, 9],
  [11, LAST],
];
/** `\w` of RE2: ASCII only; also what `\b` looks at. */
export const WORD: CodePoints = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const DIGIT: CodePoints = [[48, 57]];
const SPACE: CodePoints = [
  [9, 10],
  [12, 13],
  [32, 32],
];

/** `\d \w \s` and their opposites (RE2 syntax, "Perl character classes"). */
export function perlClass(letter: string): CodePoints | undefined {
  const positive = { d: DIGIT, w: WORD, s: SPACE }[letter.toLowerCase()];
  if (positive === undefined) return undefined;
  return letter === letter.toLowerCase() ? positive : negate(positive);
}

const POSIX: Readonly<Record<string, CodePoints>> = {
  alnum: [
    [48, 57],
    [65, 90],
    [97, 122],
  ],
  alpha: [
    [65, 90],
    [97, 122],
  ],
  ascii: [[0, 127]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 31],
    [127, 127],
  ],
  digit: DIGIT,
  graph: [[33, 126]],
  lower: [[97, 122]],
  print: [[32, 126]],
  punct: [
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ],
  space: [
    [9, 13],
    [32, 32],
  ],
  upper: [[65, 90]],
  word: WORD,
  xdigit: [
    [48, 57],
    [65, 70],
    [97, 102],
  ],
};

/** `[:alpha:]` and the like; undefined when there is no class of this name. */
export function posixClass(name: string): CodePoints | undefined {
  return Object.hasOwn(POSIX, name) ? POSIX[name] : undefined;
}

const properties = new Map<string, CodePoints | undefined>();

/** `\p{Name}`: a general category or a script; undefined when Unicode has none of this name. */
export function unicodeClass(name: string): CodePoints | undefined {
  if (!properties.has(name)) properties.set(name, scan(name));
  return properties.get(name);
}

function scan(name: string): CodePoints | undefined {
  if (!/^[A-Za-z_]{1,40}$/.test(name)) return undefined;
  const test = propertyTest(name) ?? propertyTest(`Script=${name}`);
  if (test === undefined) return undefined;
  const ranges: [number, number][] = [];
  let from = -1;
  for (let point = 0; point <= LAST + 1; point++) {
    const inside = point <= LAST && test.test(String.fromCodePoint(point));
    if (inside && from < 0) from = point;
    if (!inside && from >= 0) {
      ranges.push([from, point - 1]);
      from = -1;
    }
  }
  return ranges;
}

function propertyTest(property: string): RegExp | undefined {
  try {
    return new RegExp(`^\\p{${property}}$`, 'u');
  } catch {
    return undefined;
  }
}

export function union(...sets: readonly CodePoints[]): CodePoints {
  const sorted = sets.flat().toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  const out: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = out.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

export function negate(set: CodePoints): CodePoints {
  const out: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) out.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST) out.push([next, LAST]);
  return out;
}

export function contains(set: CodePoints, point: number): boolean {
  return set.some(([from, to]) => point >= from && point <= to);
}

let cased: readonly (readonly [number, number])[] | undefined;

/** Letters that differ in case only, one code point each; both ways. */
function casePairs(): readonly (readonly [number, number])[] {
  if (cased !== undefined) return cased;
  const pairs: [number, number][] = [];
  for (let point = 65; point <= 0x1_e943; point++) {
    const letter = String.fromCodePoint(point);
    for (const other of [letter.toLowerCase(), letter.toUpperCase()]) {
      const code = other.codePointAt(0);
      if (other === letter || code === undefined || String.fromCodePoint(code) !== other) continue;
      pairs.push([point, code], [code, point]);
    }
  }
  cased = pairs;
  return pairs;
}

const foldedLetters = new Map<number, CodePoints>();

/** Adds every letter that differs in case only (flag `i`). */
export function foldCase(set: CodePoints): CodePoints {
  const [only] = set;
  // A long pattern is mostly single letters.
  if (set.length !== 1 || only === undefined || only[0] !== only[1] || only[0] > 127) return foldAll(set);
  const known = foldedLetters.get(only[0]) ?? foldAll(set);
  foldedLetters.set(only[0], known);
  return known;
}

function foldAll(set: CodePoints): CodePoints {
  let folded = set;
  // Twice: K (Kelvin sign) is reached from "K" by way of "k".
  for (let round = 0; round < 2; round++) {
    const added = casePairs()
      .filter(([letter]) => contains(folded, letter))
      .map(([, other]): readonly [number, number] => [other, other]);
    folded = union(folded, added);
  }
  return folded;
}
