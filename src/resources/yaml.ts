import { CST, type Document, isScalar, Lexer, LineCounter, parseAllDocuments, visit } from 'yaml';
import { PortolanError } from '../errors/error.ts';
import { parsePath } from './path.ts';

/** One document of a file, not yet validated, and where it stands. */
export interface TextDocument {
  readonly value: unknown;
  /** Line of its first content, from 1. */
  readonly line: number;
  /** Line of a field named by a violation's path (`spec.geo[1].match`); of its nearest parent when it is missing. */
  lineOf(path: string): number;
}

/** Text above this is refused. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Expanded aliases above this are refused (the "billion laughs" document). */
const MAX_ALIASES = 100;
/** Brackets within brackets, and columns of indentation outside of any, beyond these are refused: no resource goes half as deep. */
const MAX_BRACKETS = 40;
const MAX_INDENTATION = 200;

/**
 * Reads YAML 1.2 or JSON, several documents separated by `---`, and opens `kind: List`. Empty documents are left out.
 * Duplicate keys, unknown tags and undefined aliases are errors.
 * @throws PortolanError YAML_INVALID with line and column, PAYLOAD_TOO_LARGE
 */
export function parseText(text: string): readonly TextDocument[] {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw new PortolanError('PAYLOAD_TOO_LARGE', `the text is larger than ${MAX_TEXT_BYTES} bytes`, {
      fix: 'Split it into several files.',
    });
  }
  refuseCostly(text);
  const lines = new LineCounter();
  const documents = guarded(() =>
    parseAllDocuments(text, {
      lineCounter: lines,
      // Compares every key with every other: 4 MB of keys take a minute. `duplicateKey` looks them up instead.
      uniqueKeys: false,
      strict: true,
      version: '1.2',
      schema: 'core',
      prettyErrors: false,
    }),
  );
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const problem = document.errors[0] ?? document.warnings[0] ?? duplicateKey(document);
    if (problem !== undefined) {
      const { line, col } = lines.linePos(problem.pos[0]);
      throw new PortolanError('YAML_INVALID', `line ${line}, column ${col}: ${problem.message}`, {
        fix: `Correct line ${line}.`,
      });
    }
    const value: unknown = guarded((): unknown => document.toJS({ maxAliasCount: MAX_ALIASES }));
    if (value === null || value === undefined) return [];
    return open(document, value, lines);
  });
}

/**
 * Refuses, in one pass over the tokens, what the parser reads in a time that grows with the power of its depth: `?` before a
 * key, a collection as a key within braces, and deep nesting. Some 800 octets of `- ? - ? …` would else hold the process for
 * half a minute. Resources have only texts as keys.
 * @throws PortolanError YAML_INVALID
 */
function refuseCostly(text: string): void {
  const refuse = (what: string, fix: string): never => {
    throw new PortolanError('YAML_INVALID', `line ${line}: ${what}`, { fix });
  };
  /** The open brackets; in braces, whether a key comes next. */
  const brackets: { readonly braces: boolean; key: boolean }[] = [];
  let line = 1;
  let column = 0;
  for (const source of new Lexer().lex(text)) {
    const top = brackets.at(-1);
    switch (CST.tokenType(source)) {
      case 'doc-start':
      case 'doc-end':
        brackets.length = 0;
        break;
      case 'explicit-key-ind':
        refuse('"?" before a key is not read here', 'Write the key alone: `key: value`.');
        break;
      case 'flow-map-start':
      case 'flow-seq-start':
        if (top?.braces === true && top.key)
          refuse('a key is a collection', 'Keys are texts; check the brackets.');
        brackets.push({ braces: source === '{', key: true });
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        brackets.pop();
        break;
      case 'map-value-ind':
        if (top !== undefined) top.key = false;
        break;
      case 'comma':
        if (top !== undefined) top.key = true;
        break;
      default:
        break;
    }
    if (
      brackets.length > MAX_BRACKETS ||
      (top === undefined && column > MAX_INDENTATION && isIndicator(source))
    )
      refuse(
        'the text is nested too deeply',
        'No resource needs that; check the brackets and the indentation.',
      );
    const newline = source.lastIndexOf('\n');
    if (newline === -1) column += source.length;
    else {
      column = source.length - newline - 1;
      for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) line += 1;
    }
  }
}

/** Opens a level of nesting in a block. */
function isIndicator(source: string): boolean {
  return source === '-' || source === ':';
}

/** The first key that stands twice in one mapping, as the parser reports an error. */
function duplicateKey(
  document: Document,
): { readonly pos: readonly [number]; readonly message: string } | undefined {
  let found: number | undefined;
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          found = key.range?.[0] ?? 0;
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found === undefined ? undefined : { pos: [found], message: 'Map keys must be unique' };
}

function open(document: Document, value: unknown, lines: LineCounter): readonly TextDocument[] {
  const lineAt = (path: readonly (string | number)[]): number => {
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
      const start = startOf(node);
      if (start !== undefined) return lines.linePos(start).line;
    }
    return 1;
  };
  const make = (inner: unknown, prefix: readonly (string | number)[]): TextDocument => ({
    value: inner,
    line: lineAt(prefix),
    lineOf: (path) => lineAt([...prefix, ...(parsePath(path) ?? [])]),
  });
  if (isList(value)) return value.items.map((item, i) => make(item, ['items', i]));
  return [make(value, [])];
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'List' &&
    'items' in value &&
    Array.isArray(value.items)
  );
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range))
    return undefined;
  const start: unknown = node.range[0];
  return typeof start === 'number' ? start : undefined;
}

/** The parser throws for what it cannot bound by itself: too many aliases, nesting beyond the stack. */
function guarded<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof RangeError) {
      throw new PortolanError('YAML_INVALID', 'the text is nested too deeply', {
        cause: thrown,
        fix: 'No resource needs that; check the brackets and the indentation.',
      });
    }
    throw new PortolanError('YAML_INVALID', thrown instanceof Error ? thrown.message : String(thrown), {
      cause: thrown,
      fix: 'Write the repeated parts out instead of using aliases.',
    });
  }
}
