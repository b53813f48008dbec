/** A regular expression as Kubernetes reads it, and how long the text it matches may be. */
export interface CrdPattern {
  /** Syntax of RE2 (https://github.com/google/re2/wiki/Syntax). */
  readonly source: string;
  /** Characters of the longest match of the whole text; Infinity: it has no bound. */
  readonly longest: number;
}

/** What JavaScript calls white space beyond ASCII, as code points of RE2's class. */
const BLANKS =
  '\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';

/**
 * Turns a pattern of the schemas into one of RE2, where every match means the same. Assertions, references to groups and flags have no
 * counterpart.
 * @throws Error for what cannot be said in RE2
 */
export function crdPattern(pattern: RegExp): CrdPattern {
  if (pattern.flags !== '')
    throw new Error(`/${pattern.source}/${pattern.flags}: Kubernetes knows no flags of patterns`);
  const reader = new Reader(pattern.source);
  const { source, longest, anchored } = reader.alternatives();
  reader.end();
  return { source, longest: anchored ? longest : Infinity };
}

interface Part {
  readonly source: string;
  readonly longest: number;
  /** It begins with `^` and ends with `$`. */
  readonly anchored: boolean;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  end(): void {
    if (this.#at < this.#text.length) throw this.#unknown('what follows');
  }

  alternatives(): Part {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    return {
      source: parts.map((part) => part.source).join('|'),
      longest: Math.max(...parts.map((part) => part.longest)),
      anchored: parts.every((part) => part.anchored),
    };
  }

  #sequence(): Part {
    const parts: string[] = [];
    let longest = 0;
    while (this.#at < this.#text.length && !'|)'.includes(this.#peek())) {
      const atom = this.#atom();
      const [quantifier, most] = this.#quantifier();
      parts.push(atom.source + quantifier);
      longest += atom.longest === 0 ? 0 : atom.longest * most;
    }
    return { source: parts.join(''), longest, anchored: parts[0] === '^' && parts.at(-1) === '$' };
  }

  #atom(): { readonly source: string; readonly longest: number } {
    const char = this.#next();
    switch (char) {
      case '^':
      case '$':
        return { source: char, longest: 0 };
      case '(': {
        if (this.#peek() === '?' && !this.#take('?:')) throw this.#unknown('this kind of group');
        const inner = this.alternatives();
        if (!this.#take(')')) throw this.#unknown('a group without end');
        return { source: `(${inner.source})`, longest: inner.longest };
      }
      case '[':
        return { source: this.#characterClass(), longest: 1 };
      case '\\':
        return { source: this.#escape(false), longest: 1 };
      case '.':
        throw this.#unknown('"." (which lines it ends at differs)');
      default:
        return { source: char, longest: 1 };
    }
  }

  #quantifier(): readonly [source: string, most: number] {
    if (this.#take('?')) return ['?', 1];
    if (this.#take('*')) return ['*', Infinity];
    if (this.#take('+')) return ['+', Infinity];
    if (this.#peek() !== '{') return ['', 1];
    const given = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at));
    if (given === null) throw this.#unknown('"{" that is no quantifier');
    const [source, least = '', several, most = ''] = given;
    this.#at += source.length;
    return [source, several === undefined ? Number(least) : most === '' ? Infinity : Number(most)];
  }

  #characterClass(): string {
    let source = '[';
    if (this.#take('^')) source += '^';
    while (!this.#take(']')) {
      const char = this.#next();
      // `[:` begins a named class in RE2.
      source += char === '\\' ? this.#escape(true) : char === '[' ? '\\[' : char;
    }
    return `${source}]`;
  }

  #escape(inClass: boolean): string {
    const char = this.#next();
    if (/[dwntrfv]/.test(char)) return `\\${char}`;
    if (char === 's') return inClass ? BLANKS : `[${BLANKS}]`;
    if (char === '0') return '\\x00';
    if (char === 'x') return `\\x${this.#hex(2)}`;
    if (char === 'u') return `\\x{${this.#hex(4)}}`;
    // A slash is escaped for JavaScript's literals alone.
    if (char === '/') return '/';
    if (/[A-Za-z0-9]/.test(char)) throw this.#unknown(`"\\${char}"`);
    return `\\${char}`;
  }

  #hex(digits: number): string {
    const text = this.#text.slice(this.#at, this.#at + digits);
    if (!/^[0-9a-fA-F]+$/.test(text) || text.length !== digits)
      throw this.#unknown('a character by its number');
    this.#at += digits;
    return text;
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    const char = this.#peek();
    if (char === '') throw this.#unknown('an end here');
    this.#at += 1;
    return char;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #unknown(what: string): Error {
    return new Error(`/${this.#text}/ at ${this.#at}: ${what} cannot be said in a pattern of Kubernetes`);
  }
}
