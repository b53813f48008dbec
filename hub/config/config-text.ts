import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { parseText } from '../../src/resources/yaml.ts';

export interface ConfigSource {
  /** YAML text; empty means every default. */
  readonly text: string;
  /** For messages, such as the file's path. */
  readonly name: string;
  /** Relative paths in the text start here. */
  readonly baseDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * One mapping, or an empty one; a copy that may be changed.
 * @throws PortolanError CONFIG_INVALID
 */
export function readMapping(source: ConfigSource): Record<string, unknown> {
  let documents: ReturnType<typeof parseText>;
  try {
    documents = parseText(source.text);
  } catch (thrown) {
    throw new PortolanError('CONFIG_INVALID', `${source.name}: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (documents.length > 1)
    throw new PortolanError(
      'CONFIG_INVALID',
      `${source.name} holds ${documents.length} documents; one is wanted`,
    );
  const value = documents[0]?.value ?? {};
  if (!isMapping(value)) throw new PortolanError('CONFIG_INVALID', `${source.name} is not a mapping`);
  return structuredClone(value);
}

/** CONFIG_INVALID for what was found in it; the first is in the message. */
export function invalid(source: ConfigSource, found: PortolanError['violations']): PortolanError {
  const violations = found.map((v) => ({ ...v, code: 'CONFIG_INVALID' as const }));
  const first = violations[0];
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new PortolanError(
    'CONFIG_INVALID',
    `${source.name}: ${first === undefined ? 'it does not fit its schema' : `${first.path} ${first.message}`}${more}`,
    {
      violations,
      ...(first === undefined ? {} : { fix: first.fix }),
    },
  );
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
