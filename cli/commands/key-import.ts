import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { ApiKeyInput } from '../../src/client/client.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';

type Imported = ApiKeyInput & { readonly key: string };

/** Keys of one request, and about their octets: all of them or none. The hub takes 2,000 at once, and 4 MiB. */
const BATCH = 2_000;
const BATCH_OCTETS = 3_000_000;

export function addKeyImport(key: Command, session: Session): void {
  key
    .command('import <file>')
    .summary('take over keys that exist already')
    .description(
      'Takes keys over that their owners have already, from JSON lines or CSV with a head line: key, principal, and optionally roles, plan, labels, attributes, pairId, expiresAt (in CSV: roles and name=value pairs separated by semicolons). In steps of up to 2,000, each whole or not at all.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan key import keys.jsonl\n  $ portolan key import keys.csv -n shop -o json',
    )
    .action(async (file: string, _options: unknown, self: Command) => {
      const format = outputOf(self, ['json', 'yaml']);
      const { client, namespace } = connect(session, self);
      let batch: Imported[] = [];
      let octets = 0;
      const ids: string[] = [];
      const warnings: string[] = [];
      const send = async (): Promise<void> => {
        if (batch.length === 0) return;
        const done = await client.importKeys(namespace, batch).catch((cause: unknown) => {
          const error = PortolanError.from(cause);
          throw new PortolanError(
            error.code,
            `${file}, counting from key ${ids.length + 1}: ${error.message}; ${ids.length} keys before it are in`,
            { cause, fix: error.fix },
          );
        });
        for (const warning of done.warnings) {
          warnings.push(warning);
          session.terminal.err(`warning: counting from key ${ids.length + 1}: ${warning}\n`);
        }
        ids.push(...done.ids);
        batch = [];
        octets = 0;
        progress(session, self, counted(ids.length));
      };
      for await (const one of keysOf(resolve(session.terminal.workingFolder, file))) {
        batch.push(one);
        octets += JSON.stringify(one).length;
        if (batch.length >= BATCH || octets >= BATCH_OCTETS) await send();
      }
      await send();
      if (format === 'json' || format === 'yaml')
        session.terminal.out(documentText({ imported: ids.length, ids, warnings }, format));
      else printLines(session, [`${counted(ids.length)} imported into namespace ${namespace}`]);
    });
}

function counted(keys: number): string {
  return keys === 1 ? '1 key' : `${keys} keys`;
}

/** @throws PortolanError USAGE with the line that cannot be read, never with what stands in it */
async function* keysOf(path: string): AsyncGenerator<Imported> {
  const lines = createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let number = 0;
  let head: readonly string[] | undefined;
  try {
    for await (const line of lines) {
      number += 1;
      if (line.trim() === '') continue;
      if (number === 1 && !line.trimStart().startsWith('{')) {
        head = fieldsOf(line).map((name) => name.trim());
        if (!head.includes('key') || !head.includes('principal'))
          throw unreadable(path, number, 'the head line must name key and principal');
        if (new Set(head).size < head.length)
          throw unreadable(path, number, 'the head line names a column twice');
        continue;
      }
      yield head === undefined ? fromJson(line, path, number) : fromCsv(fieldsOf(line), head, path, number);
    }
  } catch (error) {
    if (error instanceof PortolanError) throw error;
    throw new PortolanError('USAGE', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
      fix: 'Check the path of the file.',
    });
  }
}

function fromJson(line: string, path: string, number: number): Imported {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw unreadable(path, number, 'it is no JSON');
  }
  if (!isImported(value)) throw unreadable(path, number, 'it must be an object with key and principal');
  return {
    ...value,
    roles: value.roles ?? [],
    labels: value.labels ?? {},
    attributes: value.attributes ?? {},
  };
}

/** The hub looks at all members; here only what the next lines rely on. */
function isImported(value: unknown): value is Imported {
  return (
    typeof value === 'object' &&
    value !== null &&
    'key' in value &&
    typeof value.key === 'string' &&
    'principal' in value &&
    typeof value.principal === 'string'
  );
}

function fromCsv(fields: readonly string[], head: readonly string[], path: string, number: number): Imported {
  if (fields.length !== head.length)
    throw unreadable(path, number, `it has ${fields.length} fields, the head line ${head.length}`);
  const of = (name: string): string | undefined => {
    const at = head.indexOf(name);
    const text = at === -1 ? '' : (fields[at] ?? '');
    return text === '' ? undefined : text;
  };
  const many = (name: string): string[] =>
    of(name)
      ?.split(';')
      .map((part) => part.trim()) ?? [];
  const texts = (name: string): Record<string, string> =>
    Object.fromEntries(
      many(name).map((part): [string, string] => {
        const at = part.indexOf('=');
        if (at < 1) throw unreadable(path, number, `${name} must be name=value pairs`);
        return [part.slice(0, at), part.slice(at + 1)];
      }),
    );
  const [key, principal] = [of('key'), of('principal')];
  if (key === undefined || principal === undefined)
    throw unreadable(path, number, 'key and principal must not be empty');
  const [plan, pairId, expiresAt] = [of('plan'), of('pairId'), of('expiresAt')];
  return {
    key,
    principal,
    roles: many('roles'),
    labels: texts('labels'),
    attributes: texts('attributes'),
    ...(plan === undefined ? {} : { plan }),
    ...(pairId === undefined ? {} : { pairId }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** One line of CSV (RFC 4180, without line breaks inside fields). */
function fieldsOf(line: string): readonly string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const character = line[i] ?? '';
    if (quoted) {
      if (character !== '"') field += character;
      else if (line[i + 1] === '"') {
        field += '"';
        i += 1;
      } else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ',') {
      fields.push(field);
      field = '';
    } else field += character;
  }
  return [...fields, field];
}

function unreadable(path: string, number: number, why: string): PortolanError {
  return new PortolanError('USAGE', `line ${number} of ${path}: ${why}`, {
    fix: 'Write JSON lines like {"key": "…", "principal": "…"}, or CSV with a head line such as key,principal,roles.',
  });
}
