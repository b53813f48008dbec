import { clip, type ProblemList } from './problem.ts';

/** A word or a quoted string of a zone file, its escapes untouched. */
export interface Token {
  /** Without the double quotes around it. */
  readonly text: string;
  readonly quoted: boolean;
  readonly line: number;
  readonly column: number;
}

/** What one record or directive is written with: a line, or several that parentheses join (RFC 1035 section 5.1). */
export interface Entry {
  /** The first of `tokens`. */
  readonly first: Token;
  readonly tokens: readonly Token[];
  /** It begins with white space: the owner is the one of the entry before. */
  readonly indented: boolean;
}

/** The longest record data is twice 65,535 hexadecimal digits; spaces and comments may double that. */
const MAX_CHARACTERS = 400_000;
const MAX_TOKENS = 20_000;
const MAX_DEPTH = 16;

const TAB = 0x09;
const NEWLINE = '\n';
const RETURN = 0x0d;
const FORM_FEED = 0x0c;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/**
 * Splits the text of a zone file, given in pieces of any size, into entries. Its time is linear in the text and its memory
 * bounded: one line and one entry, each of at most 400,000 characters.
 */
export class EntryScanner {
  readonly #onEntry: (entry: Entry) => void;
  readonly #problems: ProblemList;
  /** The beginning of a line whose end is not there yet. */
  #carry: string[] = [];
  #carried = 0;
  #line = 0;
  #tokens: Token[] = [];
  #characters = 0;
  #indented = false;
  #depth = 0;
  #openedAt = { line: 0, column: 0 };
  /** The entry is wrong: it is read to its end and then dropped. */
  #broken = false;

  constructor(onEntry: (entry: Entry) => void, problems: ProblemList) {
    this.#onEntry = onEntry;
    this.#problems = problems;
  }

  push(chunk: string): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      this.#takeLine(chunk.slice(from, end));
      from = end + 1;
    }
    if (from < chunk.length) this.#keep(chunk.slice(from));
  }

  /** Call once after the last piece. */
  end(): void {
    if (this.#carried > 0) this.#takeLine('');
    if (this.#depth > 0 && !this.#broken) {
      this.#problem(
        this.#openedAt.line,
        this.#openedAt.column,
        'this parenthesis is never closed',
        'Close it with ) at the end of the record.',
      );
    }
  }

  #keep(part: string): void {
    this.#carried += part.length;
    if (this.#carried <= MAX_CHARACTERS) this.#carry.push(part);
    else this.#carry = [];
  }

  #takeLine(last: string): void {
    this.#line += 1;
    if (this.#carried === 0 && last.length <= MAX_CHARACTERS) {
      this.#scan(last);
      return;
    }
    const length = this.#carried + last.length;
    const text = length > MAX_CHARACTERS ? '' : [...this.#carry, last].join('');
    this.#carry = [];
    this.#carried = 0;
    if (length > MAX_CHARACTERS) {
      this.#problem(
        this.#line,
        1,
        `the line has ${length} characters; at most ${MAX_CHARACTERS} are read`,
        'Split it with parentheses.',
      );
      this.#broken = true;
    }
    this.#scan(text);
  }

  #scan(text: string): void {
    if (this.#depth === 0) {
      const first = text.charCodeAt(0);
      this.#indented = first === SPACE || first === TAB;
    }
    let i = 0;
    scan: while (i < text.length) {
      const code = text.charCodeAt(i);
      switch (code) {
        case SPACE:
        case TAB:
        case RETURN:
        case FORM_FEED:
          i += 1;
          break;
        case SEMICOLON:
          break scan;
        case OPEN:
          this.#open(i + 1);
          i += 1;
          break;
        case CLOSE:
          if (this.#depth > 0) this.#depth -= 1;
          else this.#wrong(i + 1, 'a parenthesis is closed that was never opened', 'Remove the ).');
          i += 1;
          break;
        case QUOTE:
          i = this.#quoted(text, i);
          break;
        default:
          i = this.#word(text, i);
      }
    }
    if (this.#depth === 0) this.#finish();
  }

  #open(column: number): void {
    if (this.#depth === 0) this.#openedAt = { line: this.#line, column };
    if (this.#depth === MAX_DEPTH)
      this.#wrong(column, `parentheses stand ${MAX_DEPTH} deep`, 'One pair is enough for a record.');
    else this.#depth += 1;
  }

  /** The string whose opening quote stands at `from`; returns where to go on. */
  #quoted(text: string, from: number): number {
    for (let i = from + 1; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code === BACKSLASH) i += 1;
      else if (code === QUOTE) {
        this.#add(text.slice(from + 1, i), true, from + 1);
        return i + 1;
      }
    }
    this.#wrong(
      from + 1,
      'this double quote is not closed on its line',
      'Close it; a long text is several strings: "first part" "second part".',
    );
    return text.length;
  }

  #word(text: string, from: number): number {
    let inner = false; // inside a quoted part of a word, such as alpn="h2,h3"
    let i = from;
    for (; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code === BACKSLASH) {
        i += 1;
        if (i >= text.length)
          this.#wrong(i, 'the line ends with a lone backslash', 'Write \\\\ for a backslash.');
      } else if (code === QUOTE) inner = !inner;
      else if (!inner && endsWord(code)) break;
    }
    if (inner) this.#wrong(from + 1, 'a double quote in this word is not closed on its line', 'Close it.');
    else this.#add(text.slice(from, i), false, from + 1);
    return i;
  }

  #add(text: string, quoted: boolean, column: number): void {
    if (this.#broken) return;
    this.#characters += text.length + 1;
    if (this.#characters > MAX_CHARACTERS || this.#tokens.length >= MAX_TOKENS) {
      const at = this.#depth > 0 ? this.#openedAt : { line: this.#line, column };
      this.#broken = true;
      this.#problem(
        at.line,
        at.column,
        this.#depth > 0
          ? `the record in this parenthesis has more than ${MAX_CHARACTERS} characters or ${MAX_TOKENS} words`
          : `the record has more than ${MAX_CHARACTERS} characters or ${MAX_TOKENS} words`,
        'See whether a parenthesis is left open.',
      );
      this.#tokens = [];
      return;
    }
    this.#tokens.push({ text, quoted, line: this.#line, column });
  }

  #finish(): void {
    const found = this.#tokens;
    const broken = this.#broken;
    this.#broken = false;
    if (found.length > 0) this.#tokens = [];
    this.#characters = 0;
    const [first] = found;
    if (!broken && first !== undefined) this.#onEntry({ first, tokens: found, indented: this.#indented });
  }

  /** Something is wrong in the entry: it is told once and the entry dropped. */
  #wrong(column: number, message: string, fix: string): void {
    if (!this.#broken) this.#problem(this.#line, column, message, fix);
    this.#broken = true;
  }

  #problem(line: number, column: number, message: string, fix: string): void {
    this.#problems.add({ line, column, code: 'ZONE_FILE_INVALID', message: clip(message, 200), fix });
  }
}

function endsWord(code: number): boolean {
  return (
    code === SPACE ||
    code === TAB ||
    code === RETURN ||
    code === FORM_FEED ||
    code === SEMICOLON ||
    code === OPEN ||
    code === CLOSE
  );
}
