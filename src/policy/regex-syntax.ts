import {
  ANY,
  type CodePoints,
  foldCase,
  NOT_NEWLINE,
  negate,
  perlClass,
  posixClass,
  unicodeClass,
  union,
} from './regex-classes.ts';

export type Assertion = 'start' | 'end' | 'lineStart' | 'lineEnd' | 'word' | 'notWord';

/** A pattern of the RE2 subset, read. Groups leave no trace: nothing here captures. */
export type Pattern =
  | { readonly type: 'empty' }
  | { readonly type: 'set'; readonly set: CodePoints }
  | { readonly type: 'assert'; readonly assertion: Assertion }
  | { readonly type: 'concat'; readonly parts: readonly Pattern[] }
  | { readonly type: 'alternate'; readonly options: readonly Pattern[] }
  | {
      readonly type: 'repeat';
      readonly of: Pattern;
      readonly min: number;
      /** Absent: without end. */
      readonly max?: number;
    };

/** What is wrong with a pattern, and where (index into its text). */
export class PatternError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.name = 'PatternError';
    this.at = at;
  }
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
}

/** As RE2 limits it. */
const MAX_REPEAT = 1000;
/** Groups inside groups. */
const MAX_DEPTH = 100;
const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/**
 * Reads the RE2 syntax (github.com/google/re2/wiki/Syntax) but for `\C` and flag `U`. Back-references and look-around are
 * not in it: they cannot be matched in linear time.
 * @throws PatternError
 */
export function parsePattern(text: string): Pattern {
  return new PatternParser(text).parse();
}

class PatternParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, multiline: false, dotAll: false };

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Pattern {
    const pattern = this.#alternation();
    if (this.#at < this.#text.length) throw this.#error('a ")" without its "("');
    return pattern;
  }

  #error(message: string, at = this.#at): PatternError {
    return new PatternError(message, at);
  }

  #peek(ahead = 0): string {
    return this.#text.charAt(this.#at + ahead);
  }

  #take(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  #alternation(): Pattern {
    const options = [this.#concatenation()];
    while (this.#take('|')) options.push(this.#concatenation());
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { type: 'alternate', options };
  }

  #concatenation(): Pattern {
    const parts: Pattern[] = [];
    while (this.#at < this.#text.length && this.#peek() !== '|' && this.#peek() !== ')') {
      if (this.#take('\\Q')) {
        const letters = this.#quoted();
        const last = letters.at(-1);
        parts.push(...letters.slice(0, -1));
        // As in RE2, what follows `\E` repeats the last letter only.
        if (last !== undefined) parts.push(this.#repetition(last));
        continue;
      }
      parts.push(this.#repetition(this.#atom()));
    }
    const [only] = parts;
    if (only === undefined) return { type: 'empty' };
    return parts.length === 1 ? only : { type: 'concat', parts };
  }

  #quoted(): readonly Pattern[] {
    const end = this.#text.indexOf('\\E', this.#at);
    const quoted = this.#text.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return [...quoted].map((letter) => this.#letter(letter.codePointAt(0) ?? 0));
  }

  #letter(point: number): Pattern {
    return this.#set([[point, point]]);
  }

  #set(set: CodePoints): Pattern {
    return { type: 'set', set: this.#flags.ignoreCase ? foldCase(set) : set };
  }

  #repetition(of: Pattern): Pattern {
    const at = this.#at;
    const bounds = this.#bounds();
    if (bounds === undefined) return of;
    // Lazy and greedy match the same texts; only what they capture differs.
    this.#take('?');
    if (this.#peek() === '+') throw this.#error('possessive repetition is not part of RE2');
    if ('*?'.includes(this.#peek()) && this.#peek() !== '') throw this.#error('a repetition of a repetition');
    if (bounds.max !== undefined && bounds.max < bounds.min) {
      throw this.#error('a repetition whose upper bound is below the lower', at);
    }
    return { type: 'repeat', of, ...bounds };
  }

  #bounds(): { min: number; max?: number } | undefined {
    if (this.#take('*')) return { min: 0 };
    if (this.#take('+')) return { min: 1 };
    if (this.#take('?')) return { min: 0, max: 1 };
    const found = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 20));
    if (found === null) return undefined;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? undefined : Number(found[3]);
    if (min > MAX_REPEAT || (max ?? 0) > MAX_REPEAT) {
      throw this.#error(`a repetition of more than ${MAX_REPEAT} times`);
    }
    this.#at += found[0].length;
    return max === undefined ? { min } : { min, max };
  }

  #atom(): Pattern {
    const at = this.#at;
    const point = this.#text.codePointAt(at) ?? 0;
    const letter = String.fromCodePoint(point);
    this.#at += letter.length;
    switch (letter) {
      case '.':
        return { type: 'set', set: this.#flags.dotAll ? ANY : NOT_NEWLINE };
      case '^':
        return { type: 'assert', assertion: this.#flags.multiline ? 'lineStart' : 'start' };
      case '$':
        return { type: 'assert', assertion: this.#flags.multiline ? 'lineEnd' : 'end' };
      case '[':
        return this.#set(this.#bracket(at));
      case '(':
        return this.#group(at);
      case '\\':
        return this.#escape(at);
      case '*':
      case '+':
      case '?':
        throw this.#error('nothing to repeat', at);
      default:
        return this.#letter(point);
    }
  }

  #group(at: number): Pattern {
    if (++this.#depth > MAX_DEPTH) throw this.#error(`groups nested deeper than ${MAX_DEPTH}`, at);
    const outer = this.#flags;
    if (this.#take('?')) {
      if (/^<?[=!]/.test(this.#text.slice(this.#at, this.#at + 2))) {
        throw this.#error('look-around cannot be matched in linear time', at);
      }
      if (this.#peek() === '>') throw this.#error('atomic groups are not part of RE2', at);
      const name = /^P?<[A-Za-z_]\w{0,100}>/.exec(this.#text.slice(this.#at, this.#at + 110));
      if (name !== null) this.#at += name[0].length;
      else if (this.#flagsOf(at)) {
        this.#depth--;
        return { type: 'empty' };
      }
    }
    const inner = this.#alternation();
    if (!this.#take(')')) throw this.#error('a "(" without its ")"', at);
    this.#flags = outer;
    this.#depth--;
    return inner;
  }

  /** `(?i)` sets flags for the rest of the group and is done (true); `(?i:` opens one with them. */
  #flagsOf(at: number): boolean {
    let on = true;
    let { ignoreCase, multiline, dotAll } = this.#flags;
    for (;;) {
      const letter = this.#peek();
      this.#at++;
      if (letter === 'i') ignoreCase = on;
      else if (letter === 'm') multiline = on;
      else if (letter === 's') dotAll = on;
      else if (letter === '-' && on) on = false;
      else if (letter === ':' || letter === ')') {
        this.#flags = { ignoreCase, multiline, dotAll };
        return letter === ')';
      } else throw this.#error('a group of an unknown kind', at);
    }
  }

  #escape(at: number): Pattern {
    switch (this.#peek()) {
      case 'A':
      case 'z':
      case 'b':
      case 'B': {
        const assertion = ({ A: 'start', z: 'end', b: 'word', B: 'notWord' } as const)[this.#peek()];
        this.#at++;
        return { type: 'assert', assertion: assertion ?? 'start' };
      }
      default:
        return this.#set(this.#escapedSet(at));
    }
  }

  /** After a backslash, in brackets or not. */
  #escapedSet(at: number): CodePoints {
    const letter = this.#peek();
    if (letter === '') throw this.#error('a "\\" with nothing behind it', at);
    this.#at++;
    const perl = perlClass(letter);
    if (perl !== undefined && /[dwsDWS]/.test(letter)) return perl;
    if (letter === 'p' || letter === 'P') return this.#property(at, letter === 'P');
    const control = Object.hasOwn(CONTROLS, letter) ? CONTROLS[letter] : undefined;
    if (control !== undefined) return [[control, control]];
    if (letter === 'x') return this.#hexadecimal(at);
    const octal = /^(0[0-7]{0,2}|[1-7][0-7]{2})/.exec(this.#text.slice(this.#at - 1, this.#at + 2));
    if (octal !== null) {
      this.#at += octal[0].length - 1;
      const point = Number.parseInt(octal[0], 8);
      return [[point, point]];
    }
    if (/[1-9]/.test(letter)) throw this.#error('back-references cannot be matched in linear time', at);
    if (/[A-Za-z]/.test(letter)) throw this.#error(`"\\${letter}" has no meaning`, at);
    const point = this.#text.codePointAt(this.#at - 1) ?? 0;
    this.#at += String.fromCodePoint(point).length - 1;
    return [[point, point]];
  }

  #hexadecimal(at: number): CodePoints {
    const found = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(
      this.#text.slice(this.#at, this.#at + 10),
    );
    const point = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16);
    if (found === null || point > 0x10_ffff) throw this.#error('not a code point', at);
    this.#at += found[0].length;
    return [[point, point]];
  }

  #property(at: number, opposite: boolean): CodePoints {
    const found = /^(?:([A-Za-z])|\{(\^?)([A-Za-z_]{1,40})\})/.exec(
      this.#text.slice(this.#at, this.#at + 50),
    );
    const set = unicodeClass(found?.[1] ?? found?.[3] ?? '');
    if (found === null || set === undefined) throw this.#error('Unicode has no class of this name', at);
    this.#at += found[0].length;
    return opposite !== (found[2] === '^') ? negate(set) : set;
  }

  #bracket(at: number): CodePoints {
    const opposite = this.#take('^');
    const sets: CodePoints[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#text.length) throw this.#error('a "[" without its "]"', at);
      sets.push(this.#bracketItem());
    }
    this.#at++;
    const set = this.#flags.ignoreCase ? foldCase(union(...sets)) : union(...sets);
    return opposite ? negate(set) : set;
  }

  #bracketItem(): CodePoints {
    const at = this.#at;
    const posix = /^\[:(\^?)([a-z]{1,10}):\]/.exec(this.#text.slice(at, at + 20));
    if (posix !== null) {
      const set = posixClass(posix[2] ?? '');
      if (set === undefined) throw this.#error('no POSIX class has this name');
      this.#at += posix[0].length;
      return posix[1] === '^' ? negate(set) : set;
    }
    const from = this.#bracketLetter();
    if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === '') return from;
    this.#at++;
    const to = this.#bracketLetter();
    const [low, high] = [singleOf(from), singleOf(to)];
    if (low === undefined || high === undefined || low > high) {
      throw this.#error('a range whose ends are not letters in order', at);
    }
    return [[low, high]];
  }

  #bracketLetter(): CodePoints {
    const at = this.#at;
    if (this.#take('\\')) return this.#escapedSet(at);
    const point = this.#text.codePointAt(at) ?? 0;
    this.#at += String.fromCodePoint(point).length;
    return [[point, point]];
  }
}

function singleOf(set: CodePoints): number | undefined {
  const [first] = set;
  return set.length === 1 && first !== undefined && first[0] === first[1] ? first[0] : undefined;
}
