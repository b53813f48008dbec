import { type CodePoints, contains, WORD } from './regex-classes.ts';
import { type Assertion, type Pattern, PatternError } from './regex-syntax.ts';

interface Split {
  readonly op: 'split';
  readonly first: number;
  /** Set late where it closes a loop. */
  second: number;
}

type Instruction =
  | { readonly op: 'set'; readonly classes: ReadonlySet<number>; readonly next: number }
  | Split
  | { readonly op: 'assert'; readonly assertion: Assertion; readonly next: number }
  | { readonly op: 'match' };

/** Bounds the work per character, so also the worst case. */
export const MAX_INSTRUCTIONS = 3000;
/** Cached transitions are dropped beyond this many remembered positions; then they are found again. */
const MAX_REMEMBERED = 200_000;

/** What stands on one side of a place between two characters. */
const EDGE = 0;
const OTHER = 1;
const WORD_CHARACTER = 2;
const NEWLINE = 3;
type Side = typeof EDGE | typeof OTHER | typeof WORD_CHARACTER | typeof NEWLINE;

/** A set of places in the pattern that the text so far can have led to. */
interface State {
  readonly places: readonly number[];
  readonly before: Side;
  /** By class of the next character; found when first needed. */
  readonly next: (State | undefined)[];
  /** Whether the text may end here. */
  accepts: boolean | undefined;
}

/**
 * A deterministic automaton that is built while it runs (as RE2's): each character costs one look-up, or at worst one walk over the
 * program. No input makes it slower than linear. Answers yes or no; captures nothing.
 */
export class Automaton {
  readonly #program: Instruction[] = [];
  readonly #start: number;
  readonly #search: boolean;
  readonly #boundaries: readonly number[];
  readonly #sides: readonly Side[];
  /** Classes of the first 256 code points. */
  readonly #low = new Uint16Array(256);
  readonly #states = new Map<string, State>();
  readonly #accepted: State = { places: [], before: EDGE, next: [], accepts: true };
  readonly #initial: State;
  readonly #mark: Uint32Array;
  #generation = 0;
  #remembered = 0;
  #parts = 0;

  /** @param search true: a part of the text may match; false: all of it must */
  constructor(pattern: Pattern, search: boolean) {
    this.#search = search;
    const sets = setsOf(pattern);
    const needsSides = hasAssertions(pattern);
    const sides: CodePoints[] = needsSides ? [WORD, [[10, 10]]] : [];
    this.#boundaries = boundariesOf([...sets, ...sides]);
    this.#sides = this.#boundaries.map((point) =>
      !needsSides ? OTHER : point === 10 ? NEWLINE : contains(WORD, point) ? WORD_CHARACTER : OTHER,
    );
    for (let point = 0; point < 256; point++) this.#low[point] = this.#search256(point);
    this.#program.push({ op: 'match' });
    this.#start = this.#compile(pattern, 0);
    this.#mark = new Uint32Array(this.#program.length);
    this.#initial = { places: [this.#start], before: EDGE, next: [], accepts: undefined };
  }

  matches(text: string): boolean {
    let state = this.#initial;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      let kind: number;
      if (unit < 256) kind = this.#low[unit] ?? 0;
      else {
        const point = text.codePointAt(at) ?? unit;
        if (point > 0xffff) at++;
        kind = this.#search256(point);
      }
      state = state.next[kind] ?? this.#step(state, kind);
      if (state === this.#accepted) return true;
      if (state.places.length === 0 && !this.#search) return false;
    }
    state.accepts ??= this.#closure(state, EDGE) === undefined;
    return state.accepts;
  }

  /** Index of the class that holds the code point: the last boundary not above it. */
  #search256(point: number): number {
    let low = 0;
    let high = this.#boundaries.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#boundaries[middle] ?? 0) <= point) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #step(state: State, kind: number): State {
    const side = this.#sides[kind] ?? OTHER;
    const reached = this.#closure(state, side);
    let next: State;
    // In a search, a match that ended before this character is one already.
    if (reached === undefined) next = this.#accepted;
    else {
      const places: number[] = [];
      const seen = new Set<number>();
      for (const place of reached) {
        const instruction = this.#program[place];
        if (instruction?.op !== 'set' || !instruction.classes.has(kind) || seen.has(instruction.next))
          continue;
        seen.add(instruction.next);
        places.push(instruction.next);
      }
      if (this.#search && !seen.has(this.#start)) places.push(this.#start);
      next = this.#stateOf(
        places.sort((a, b) => a - b),
        side,
      );
    }
    state.next[kind] = next;
    return next;
  }

  #stateOf(places: readonly number[], before: Side): State {
    const key = `${before}:${places.join(',')}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    this.#remembered += places.length + 8;
    if (this.#remembered > MAX_REMEMBERED) {
      for (const state of this.#states.values()) state.next.length = 0;
      this.#states.clear();
      this.#initial.next.length = 0;
      this.#remembered = 0;
    }
    const state: State = { places, before, next: [], accepts: undefined };
    this.#states.set(key, state);
    return state;
  }

  /**
   * The places reached without a character, given what comes next; undefined: the end of the pattern is among them, and that decides
   * (in a search always, else at the end of the text).
   */
  #closure(state: State, after: Side): readonly number[] | undefined {
    const generation = ++this.#generation;
    const reached: number[] = [];
    const open = [...state.places];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (this.#mark[place] === generation) continue;
      this.#mark[place] = generation;
      const instruction = this.#program[place];
      if (instruction === undefined) continue;
      switch (instruction.op) {
        case 'match':
          if (this.#search || after === EDGE) return undefined;
          break;
        case 'set':
          reached.push(place);
          break;
        case 'split':
          open.push(instruction.first, instruction.second);
          break;
        case 'assert':
          if (holds(instruction.assertion, state.before, after)) open.push(instruction.next);
          break;
      }
    }
    return reached;
  }

  #emit(instruction: Instruction): number {
    if (this.#program.length >= MAX_INSTRUCTIONS) {
      throw new PatternError('the pattern is too large once its repetitions are written out', 0);
    }
    return this.#program.push(instruction) - 1;
  }

  /** Entry of a program part that goes on at `next`. */
  #compile(pattern: Pattern, next: number): number {
    // Repetitions of nothing emit nothing, and would be written out for ever.
    if (++this.#parts > 10 * MAX_INSTRUCTIONS) throw new PatternError('too many nested repetitions', 0);
    switch (pattern.type) {
      case 'empty':
        return next;
      case 'set':
        return this.#emit({ op: 'set', classes: this.#classesOf(pattern.set), next });
      case 'assert':
        return this.#emit({ op: 'assert', assertion: pattern.assertion, next });
      case 'concat':
        return pattern.parts.reduceRight((after, part) => this.#compile(part, after), next);
      case 'alternate':
        return pattern.options
          .map((option) => this.#compile(option, next))
          .reduceRight((second, first) => this.#emit({ op: 'split', first, second }));
      case 'repeat':
        return this.#repeat(pattern, next);
    }
  }

  #repeat(pattern: Extract<Pattern, { type: 'repeat' }>, next: number): number {
    let entry = next;
    if (pattern.max === undefined) {
      const loop: Split = { op: 'split', first: next, second: next };
      entry = this.#emit(loop);
      loop.second = this.#compile(pattern.of, entry);
    } else {
      for (let optional = pattern.min; optional < pattern.max; optional++) {
        entry = this.#emit({ op: 'split', first: next, second: this.#compile(pattern.of, entry) });
      }
    }
    for (let needed = 0; needed < pattern.min; needed++) entry = this.#compile(pattern.of, entry);
    return entry;
  }

  #classesOf(set: CodePoints): ReadonlySet<number> {
    const classes = new Set<number>();
    this.#boundaries.forEach((point, index) => {
      if (contains(set, point)) classes.add(index);
    });
    return classes;
  }
}

/** Whether an assertion holds between two characters (RE2: `\b` looks at ASCII word characters). */
function holds(assertion: Assertion, before: Side, after: Side): boolean {
  switch (assertion) {
    case 'start':
      return before === EDGE;
    case 'end':
      return after === EDGE;
    case 'lineStart':
      return before === EDGE || before === NEWLINE;
    case 'lineEnd':
      return after === EDGE || after === NEWLINE;
    case 'word':
      return (before === WORD_CHARACTER) !== (after === WORD_CHARACTER);
    case 'notWord':
      return (before === WORD_CHARACTER) === (after === WORD_CHARACTER);
  }
}

function setsOf(pattern: Pattern): readonly CodePoints[] {
  switch (pattern.type) {
    case 'set':
      return [pattern.set];
    case 'concat':
      return pattern.parts.flatMap(setsOf);
    case 'alternate':
      return pattern.options.flatMap(setsOf);
    case 'repeat':
      return setsOf(pattern.of);
    default:
      return [];
  }
}

function hasAssertions(pattern: Pattern): boolean {
  switch (pattern.type) {
    case 'assert':
      return true;
    case 'concat':
      return pattern.parts.some(hasAssertions);
    case 'alternate':
      return pattern.options.some(hasAssertions);
    case 'repeat':
      return hasAssertions(pattern.of);
    default:
      return false;
  }
}

/** First code points of the classes of characters that no set of the pattern tells apart. */
function boundariesOf(sets: readonly CodePoints[]): readonly number[] {
  const points = new Set([0]);
  for (const set of sets) {
    for (const [from, to] of set) {
      points.add(from);
      if (to < 0x10_ffff) points.add(to + 1);
    }
  }
  return [...points].sort((a, b) => a - b);
}
