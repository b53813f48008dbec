import { PortolanError } from '../../errors/error.ts';
import type { ErrorCode } from '../../errors/table.ts';
import { type DomainName, tryParseName } from '../name.ts';
import { parseRdata, type Rdata } from '../records/catalogue.ts';
import { endsWithDot, parseSeconds } from '../records/fields.ts';
import { isMetaType, parseType, TYPE } from '../types.ts';
import { countOf, parseGenerateRange, substitute } from './generate.ts';
import { clip, ProblemList, type ZoneFileProblem } from './problem.ts';
import { type Entry, EntryScanner, type Token } from './scanner.ts';

/** A record as a zone file has it, its names complete. */
export interface FileRecord {
  readonly owner: DomainName;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly rdata: Rdata;
  /** Where it begins; 0 when it is from no file. */
  readonly line: number;
}

export interface ZoneFileOptions {
  /** What relative names are relative to until `$ORIGIN` says otherwise. */
  readonly origin: DomainName;
  readonly onRecord: (record: FileRecord) => void;
  /** Types whose data is not looked at, such as the signatures of a signed zone; `onSkipped` hears of each. */
  readonly skips?: (type: number) => boolean;
  readonly onSkipped?: (record: Omit<FileRecord, 'rdata' | 'ttlSeconds'>) => void;
  /** After so many problems the rest is not read; default 50. */
  readonly maxProblems?: number;
  /** Records all `$GENERATE` lines together may make; default 100,000. */
  readonly maxGenerated?: number;
}

export interface ZoneFileResult {
  readonly records: number;
  /** In the order of the file. */
  readonly problems: readonly ZoneFileProblem[];
  /** There were so many problems that the rest was not read. */
  readonly stopped: boolean;
}

const MAX_PROBLEMS = 50;
const MAX_GENERATED = 100_000;
/** What they may have altogether: a short line can stand for records of 64 KB each. */
const MAX_GENERATED_CHARACTERS = 64_000_000;

/**
 * Reads a zone file in pieces of any size: RFC 1035 section 5, `$TTL` of RFC 2308 section 4, RFC 3597 for unknown types, and
 * BIND's time units and `$GENERATE`. `$INCLUDE` is refused: whoever reads a file of somebody else must not be led to others.
 * Records are handed on as they are read, also when others are wrong: look at the problems before using any.
 */
export class ZoneFileReader {
  readonly #options: ZoneFileOptions;
  readonly #problems: ProblemList;
  readonly #scanner: EntryScanner;
  #origin: DomainName;
  /** `undefined` before the first record and after an owner that was wrong. */
  #owner: DomainName | undefined;
  #ownerIsWrong = false;
  #ownerText = '';
  #defaultTtl: number | undefined; // $TTL
  #lastTtl: number | undefined;
  #records = 0;
  #generated = 0;
  #generatedCharacters = 0;

  constructor(options: ZoneFileOptions) {
    this.#options = options;
    this.#origin = options.origin;
    this.#problems = new ProblemList(options.maxProblems ?? MAX_PROBLEMS);
    this.#scanner = new EntryScanner((entry) => this.#entry(entry), this.#problems);
  }

  push(text: string): void {
    if (!this.#problems.full) this.#scanner.push(text);
  }

  /** Call once, after the last piece. */
  end(): ZoneFileResult {
    if (!this.#problems.full) this.#scanner.end();
    return { records: this.#records, problems: this.#problems.items, stopped: this.#problems.full };
  }

  #entry(entry: Entry): void {
    if (this.#problems.full) return;
    const { first } = entry;
    if (!first.quoted && first.text.startsWith('$') && !entry.indented) this.#directive(first, entry.tokens);
    else if (entry.indented) this.#recordOfLastOwner(first, entry.tokens);
    else this.#record(first, entry.tokens.slice(1));
  }

  #directive(head: Token, tokens: readonly Token[]): void {
    const [, argument, ...rest] = tokens;
    const name = head.text.toUpperCase();
    if (name === '$INCLUDE') {
      this.#problem(
        head,
        'ZONE_FILE_INVALID',
        '$INCLUDE is not followed',
        'Put the zone into one file first: named-compilezone -f text -F text -o flat.zone <origin> <file>',
      );
    } else if (name === '$GENERATE') {
      this.#generate(head, tokens.slice(1));
    } else if (name !== '$ORIGIN' && name !== '$TTL') {
      this.#problem(
        head,
        'ZONE_FILE_INVALID',
        `${clip(head.text)} is no directive`,
        'Directives are $ORIGIN, $TTL and $GENERATE; write \\$ for a name that begins with $.',
      );
    } else if (argument === undefined || rest.length > 0) {
      this.#problem(
        head,
        'ZONE_FILE_INVALID',
        `${name} takes one word`,
        name === '$TTL' ? 'Write $TTL 1h' : 'Write $ORIGIN example.com.',
      );
    } else if (name === '$TTL') {
      this.#defaultTtl = parseSeconds(argument.text);
      if (this.#defaultTtl === undefined) {
        this.#defaultTtl = 0; // told once, not again at every record
        this.#problem(
          argument,
          'ZONE_FILE_INVALID',
          `"${clip(argument.text)}" is no time`,
          'Write seconds, or units as in 1h30m.',
        );
      }
    } else {
      const origin = this.#name(argument);
      if (origin !== undefined) this.#origin = origin;
      this.#ownerText = '';
    }
  }

  #recordOfLastOwner(first: Token, tokens: readonly Token[]): void {
    if (this.#owner === undefined && !this.#ownerIsWrong) {
      this.#problem(
        first,
        'ZONE_FILE_INVALID',
        'the line begins with white space, but there is no record before it whose name it could have',
        'Begin the line with the name, or with @ for the zone itself.',
      );
      return;
    }
    this.#body(this.#owner, first, tokens);
  }

  #record(first: Token, rest: readonly Token[]): void {
    if (first.text !== this.#ownerText || this.#owner === undefined) {
      this.#owner = this.#name(first);
      this.#ownerIsWrong = this.#owner === undefined;
      this.#ownerText = first.text;
    }
    this.#body(this.#owner, first, rest);
  }

  /** `[TTL] [class] type data`, TTL and class in either order. Without an owner it is only checked. */
  #body(owner: DomainName | undefined, start: Token, tokens: readonly Token[]): void {
    let at = 0;
    let ttl: number | undefined;
    let hasClass = false;
    for (; at < tokens.length; at += 1) {
      const token = tokens[at];
      if (token === undefined || token.quoted) break;
      const first = token.text.charCodeAt(0);
      if (ttl === undefined && first >= 0x30 && first <= 0x39) {
        ttl = parseSeconds(token.text);
        if (ttl === undefined) {
          const what = `"${clip(token.text)}" is no TTL from 0 to 2147483647`;
          this.#problem(token, 'ZONE_FILE_INVALID', what, 'Write seconds, or units as in 1h30m.');
          return;
        }
        continue;
      }
      const isClass = hasClass ? undefined : classOf(token.text);
      if (isClass === undefined) break;
      if (isClass !== 'IN') {
        this.#problem(
          token,
          'ZONE_FILE_INVALID',
          `the class ${isClass} is not served`,
          'Use IN, or leave it out.',
        );
        return;
      }
      hasClass = true;
    }
    if (ttl !== undefined) this.#lastTtl = ttl;
    const typeToken = tokens[at];
    if (typeToken === undefined) {
      this.#problem(start, 'ZONE_FILE_INVALID', 'the record has no type', 'Write: name [TTL] [IN] type data');
      return;
    }
    const type = typeToken.quoted ? undefined : parseType(typeToken.text);
    if (type === undefined || isMetaType(type)) {
      const what = type === undefined ? 'is no record type known here' : 'exists in messages only';
      this.#problem(
        typeToken,
        'DNS_RECORD_INVALID',
        `"${clip(typeToken.text)}" ${what}`,
        'A record is: name [TTL] [IN] type data. Another type is written TYPE123 \\# length hex (RFC 3597).',
      );
      return;
    }
    if (this.#options.skips?.(type) === true) {
      if (owner !== undefined) this.#options.onSkipped?.({ owner, type, line: start.line });
      return;
    }
    this.#data(owner, start, type, ttl, tokens, at + 1);
  }

  #data(
    owner: DomainName | undefined,
    start: Token,
    type: number,
    ownTtl: number | undefined,
    tokens: readonly Token[],
    from: number,
  ): void {
    let text = '';
    for (const [i, token] of tokens.slice(from).entries()) {
      if (i > 0) text += ' ';
      text += token.quoted ? `"${token.text}"` : token.text;
    }
    let rdata: Rdata;
    try {
      rdata = parseRdata(type, text, this.#origin);
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      this.#problem(tokens[from] ?? start, error.code, error.message, error.fix);
      return;
    }
    let ttlSeconds = ownTtl ?? this.#defaultTtl ?? this.#lastTtl;
    if (ttlSeconds === undefined && rdata.type === 'SOA') {
      ttlSeconds = rdata.minimumSeconds; // what it was for before RFC 2308 section 4
      this.#lastTtl = ttlSeconds;
    }
    if (ttlSeconds === undefined) {
      this.#lastTtl = 0; // told once, not again at every record
      this.#problem(
        start,
        'ZONE_FILE_INVALID',
        'the record has no TTL, and neither has one before it, nor is there a $TTL',
        'Put a line such as $TTL 3600 at the top of the file.',
      );
      return;
    }
    if (owner === undefined) return;
    this.#records += 1;
    this.#options.onRecord({ owner, type, ttlSeconds, rdata, line: start.line });
  }

  /** `$GENERATE range name [TTL] [class] type data`. */
  #generate(head: Token, tokens: readonly Token[]): void {
    const [rangeToken, ...written] = tokens;
    const template = unquotedData(written);
    const range = rangeToken === undefined ? undefined : parseGenerateRange(rangeToken.text);
    const example = 'Write: $GENERATE 1-50 host-$ A 192.0.2.$';
    if (range === undefined || template.length < 3) {
      this.#problem(
        rangeToken ?? head,
        'ZONE_FILE_INVALID',
        '$GENERATE takes a range, a name, a type and data',
        example,
      );
      return;
    }
    const most = this.#options.maxGenerated ?? MAX_GENERATED;
    this.#generated += countOf(range);
    if (this.#generated > most) {
      this.#problem(
        head,
        'ZONE_FILE_INVALID',
        `$GENERATE lines make ${this.#generated} records up to here; at most ${most} are allowed`,
        'Use a shorter range, or a wildcard.',
      );
      return;
    }
    const before = this.#problems.items.length;
    for (let value = range.start; value <= range.stop; value += range.step) {
      const line: Token[] = [];
      for (const token of template) {
        const made = substitute(token, value);
        if ('reason' in made) {
          this.#problem(
            token,
            'ZONE_FILE_INVALID',
            made.reason,
            `Forms are $, $\{offset}, $\{offset,width,base}; base is one of d o x X n N.`,
          );
          return;
        }
        line.push(made);
        this.#generatedCharacters += made.text.length;
      }
      if (this.#generatedCharacters > MAX_GENERATED_CHARACTERS) {
        this.#problem(
          head,
          'ZONE_FILE_INVALID',
          `$GENERATE lines make more than ${MAX_GENERATED_CHARACTERS} characters up to here`,
          'Use a shorter range, or write less in each record.',
        );
        return;
      }
      for (const first of line.slice(0, 1)) this.#record(first, line.slice(1));
      if (this.#problems.items.length > before) return; // the others are wrong in the same way
    }
  }

  #name(token: Token): DomainName | undefined {
    const { text } = token;
    if (text === '@' && !token.quoted) return this.#origin;
    const suffix = this.#origin === '.' ? '' : this.#origin;
    const name = tryParseName(endsWithDot(text) || text === '' ? text : `${text}.${suffix}`);
    if (typeof name !== 'object') return name;
    this.#problem(
      token,
      'DNS_NAME_INVALID',
      clip(name.reason, 200),
      'Correct the name; \\DDD stands for an octet, @ for the zone itself.',
    );
    return undefined;
  }

  #problem(at: Token, code: ErrorCode, message: string, fix: string): void {
    this.#problems.add({ line: at.line, column: at.column, code, message, fix });
  }
}

/** BIND reads the data of `$GENERATE` as one word, which is quoted when it has several: `MX "10 mail-$"`. */
function unquotedData(template: readonly Token[]): readonly Token[] {
  const data = template.at(-1);
  const type = template.at(-2);
  if (data?.quoted !== true || type === undefined || type.quoted || parseType(type.text) === undefined)
    return template;
  const words = data.text.split(/[ \t]+/).filter((word) => word !== '');
  return [...template.slice(0, -1), ...words.map((text) => ({ ...data, text, quoted: false }))];
}

function classOf(text: string): string | undefined {
  switch (text.toUpperCase()) {
    case 'IN':
    case 'CLASS1':
      return 'IN';
    case 'CH':
    case 'HS':
    case 'CS':
    case 'NONE':
    case 'ANY':
      return text.toUpperCase();
    default:
      return /^class\d{1,5}$/i.test(text) ? text.toUpperCase() : undefined;
  }
}

/** Reads a whole zone file. */
export function readZoneFile(
  text: string,
  options: Omit<ZoneFileOptions, 'onRecord'>,
): ZoneFileResult & { readonly found: readonly FileRecord[] } {
  const found: FileRecord[] = [];
  const reader = new ZoneFileReader({ ...options, onRecord: (record) => found.push(record) });
  reader.push(text);
  return { ...reader.end(), found };
}

/** Types that only a signed zone has, which are made anew by whoever signs it (RFC 4034, RFC 5155, RFC 8976). */
export const SIGNING_TYPES: ReadonlySet<number> = new Set([
  TYPE.RRSIG,
  TYPE.NSEC,
  TYPE.NSEC3,
  TYPE.NSEC3PARAM,
  TYPE.DNSKEY,
  TYPE.CDS,
  TYPE.CDNSKEY,
  TYPE.ZONEMD,
]);
