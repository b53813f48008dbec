import { type Document, LineCounter, parseAllDocuments } from 'yaml';
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
  const lines = new LineCounter();
  const documents = guarded(() =>
    parseAllDocuments(text, {
      lineCounter: lines,
      uniqueKeys: true,
      strict: true,
      version: '1.2',
      schema: 'core',
      prettyErrors: false,
    }),
  );
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const problem = document.errors[0] ?? document.warnings[0];
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
