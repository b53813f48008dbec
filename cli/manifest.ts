import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type FieldViolation, messageOf, PortolanError } from '../src/errors/error.ts';
import { parseText, type TextDocument } from '../src/resources/yaml.ts';

/** One document of the files given with -f, and where it stands. */
export interface ManifestDocument {
  readonly value: unknown;
  /** The file's name for messages; `-` for stdin. */
  readonly file: string;
  readonly text: TextDocument;
}

const EXTENSIONS = ['.yaml', '.yml', '.json'];

/**
 * Reads files, folders (their .yaml, .yml and .json files, by name, not below) and `-` (stdin), in this order.
 * @param namespace given with -n: documents without a namespace get it, and one that names another is refused
 * @throws PortolanError USAGE, YAML_INVALID with file, line and column
 */
export async function readManifests(
  sources: readonly string[],
  options: {
    readonly workingFolder: string;
    readonly readStdin: () => Promise<string>;
    readonly namespace: string;
    /** True when a person gave -n: then a document may not name another. */
    readonly namespaceIsExplicit: boolean;
  },
): Promise<readonly ManifestDocument[]> {
  const documents: ManifestDocument[] = [];
  for (const source of sources) {
    for (const { file, text } of await textsOf(source, options)) {
      for (const document of parsed(file, text)) {
        documents.push({ value: placed(document, file, options), file, text: document });
      }
    }
  }
  if (documents.length === 0) {
    throw new PortolanError('USAGE', `there is no document in ${sources.join(', ')}`, {
      fix: `Name files with -f that hold resources (${EXTENSIONS.join(', ')}), or - for stdin.`,
    });
  }
  return documents;
}

async function textsOf(
  source: string,
  options: { readonly workingFolder: string; readonly readStdin: () => Promise<string> },
): Promise<readonly { readonly file: string; readonly text: string }[]> {
  if (source === '-') return [{ file: '-', text: await options.readStdin() }];
  const path = resolve(options.workingFolder, source);
  try {
    if (!statSync(path).isDirectory()) return [{ file: source, text: readFileSync(path, 'utf8') }];
    return readdirSync(path)
      .filter((name) => EXTENSIONS.some((extension) => name.endsWith(extension)))
      .sort()
      .map((name) => ({
        file: relative(options.workingFolder, join(path, name)),
        text: readFileSync(join(path, name), 'utf8'),
      }));
  } catch (cause) {
    throw new PortolanError('USAGE', `${source} cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'Correct the path given with -f.',
    });
  }
}

function parsed(file: string, text: string): readonly TextDocument[] {
  try {
    return parseText(text);
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    throw new PortolanError(error.code, `${file}: ${error.message}`, { fix: error.fix, cause: error.cause });
  }
}

function placed(
  document: TextDocument,
  file: string,
  options: { readonly namespace: string; readonly namespaceIsExplicit: boolean },
): unknown {
  const { value } = document;
  if (!isTree(value) || !isTree(value.metadata)) return value;
  const { namespace } = value.metadata;
  if (namespace === undefined)
    return { ...value, metadata: { ...value.metadata, namespace: options.namespace } };
  if (options.namespaceIsExplicit && namespace !== options.namespace) {
    throw new PortolanError(
      'USAGE',
      `${file}:${document.lineOf('metadata.namespace')}: the document is for namespace ${JSON.stringify(namespace)}, but -n says ${JSON.stringify(options.namespace)}`,
      { fix: 'Leave -n out, or metadata.namespace.' },
    );
  }
  return value;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same error, its `documents[2].spec…` paths as `file.yaml:12 spec…`. */
export function withPlaces(error: PortolanError, documents: readonly ManifestDocument[]): PortolanError {
  const violations = error.violations.map(
    (v): FieldViolation => ({ ...v, path: placeOf(v.path, documents) }),
  );
  const message = error.message.replace(/^documents\[(\d+)\]\.?([^:\s]*)/, (path) =>
    placeOf(path, documents),
  );
  return new PortolanError(
    error.code,
    message.replace(/^document (\d+): /, (text, number: string) => {
      const document = documents[Number(number) - 1];
      return document === undefined ? text : `${document.file}:${document.text.line}: `;
    }),
    { fix: error.fix, violations, ...(error.cause === undefined ? {} : { cause: error.cause }) },
  );
}

function placeOf(path: string, documents: readonly ManifestDocument[]): string {
  const match = /^documents\[(\d+)\]\.?([\s\S]*)$/.exec(path);
  const document = match === null ? undefined : documents[Number(match[1])];
  if (document === undefined) return path;
  const inner = match?.[2] ?? '';
  return `${document.file}:${document.text.lineOf(inner)}${inner === '' ? '' : ` ${inner}`}`;
}

/** The place of a violation of the plan, which counts from the document. */
export function placeIn(document: ManifestDocument | undefined, path: string): string {
  if (document === undefined) return path;
  return `${document.file}:${document.text.lineOf(path)}${path === '' ? '' : ` ${path}`}`;
}
