import { type Command, Option } from 'commander';
import type { Client, ObjectName } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { type AnyResource, type Kind, kindNamed } from '../../src/resources/catalogue.ts';
import { kindArgument } from '../kind-argument.ts';
import { manifestsOf } from '../manifest-flags.ts';
import { notFound } from '../object-argument.ts';
import { documentText, objectName } from '../output/document.ts';
import { repeated } from '../repeated-option.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';
import { addObjectWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';

interface DeleteOptions extends WriteFlags {
  readonly filename?: readonly string[];
  readonly ignoreNotFound?: boolean;
}

type Target = ObjectName & { readonly kind: Kind };

export function addDeleteCommand(program: Command, session: Session): void {
  const command = program
    .command('delete [kind] [names...]')
    .summary('delete objects, all or none')
    .description(
      'Deletes objects, named or as they stand in files, in one step: all of them, or none when one is refused.',
    )
    .addOption(
      new Option('-f, --filename <file>', 'a file, a folder, or - for stdin; may be repeated').argParser(
        repeated,
      ),
    )
    .option('--ignore-not-found', 'an object that does not exist is no error');
  addObjectWriteFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ portolan delete trafficpolicy web
  $ portolan delete -f web.yaml --dry-run`,
    )
    .action(
      async (kind: string | undefined, names: readonly string[], options: DeleteOptions, self: Command) => {
        const format = outputOf(self, ['json', 'name']);
        const { client, namespace } = connect(session, self);
        const wanted =
          options.filename === undefined
            ? named(kind, names, namespace)
            : await inFiles(session, self, kind, options.filename, namespace);
        const targets = await existing(client, wanted, options.ignoreNotFound === true);
        const write = writeOptions(options);
        let left: readonly AnyResource[] = [];
        if (targets.length > 0) {
          const { warnings, objects } = await client
            .apply({ delete: targets }, write)
            .catch((thrown: unknown) => Promise.reject(withNames(thrown, targets)));
          for (const warning of warnings) session.terminal.err(`warning: ${warning}\n`);
          left = objects;
        }
        if (format === 'json') session.terminal.out(documentText({ items: targets }, 'json'));
        else
          printLines(
            session,
            targets.map(
              (t) =>
                objectName(t.kind, t.name) +
                (format === 'name'
                  ? ''
                  : ` ${outcome(t, left, options.dryRun === true ? ' (dry run)' : '')}`),
            ),
          );
      },
    );
}

/** What became of an object, by how the hub left it: finalizers keep it until whoever set them has removed them. */
function outcome(target: Target, left: readonly AnyResource[], dryRun: string): string {
  const object = left.find(
    ({ kind, metadata }) =>
      kind === target.kind && metadata.namespace === target.namespace && metadata.name === target.name,
  );
  const { deletionTimestamp, finalizers = [] } = object?.metadata ?? {};
  return deletionTimestamp === undefined || finalizers.length === 0
    ? `deleted${dryRun}`
    : `deletion asked${dryRun}; waits for finalizers: ${finalizers.join(', ')}`;
}

/** The same error; its paths name objects, not positions. */
function withNames(thrown: unknown, targets: readonly Target[]): unknown {
  if (!(thrown instanceof PortolanError)) return thrown;
  const named = (text: string): string =>
    text.replace(/^documents\[(\d+)\](?:\.metadata\.name)?/, (path, index: string) => {
      const target = targets[Number(index)];
      return target === undefined ? path : objectName(target.kind, target.name);
    });
  return new PortolanError(thrown.code, named(thrown.message), {
    fix: thrown.fix,
    violations: thrown.violations.map((v) => ({ ...v, path: named(v.path) })),
  });
}

function named(kindText: string | undefined, names: readonly string[], namespace: string): readonly Target[] {
  if (kindText === undefined || names.length === 0) {
    throw new PortolanError('USAGE', 'delete needs a kind and a name, or -f', {
      fix: 'Write it like `portolan delete trafficpolicy web`, or `portolan delete -f web.yaml`.',
    });
  }
  const kind = kindArgument(kindText);
  return [...new Set(names)].map((name) => ({ kind, namespace, name }));
}

async function inFiles(
  session: Session,
  command: Command,
  kind: string | undefined,
  filenames: readonly string[],
  namespace: string,
): Promise<readonly Target[]> {
  if (kind !== undefined) {
    throw new PortolanError('USAGE', 'a kind and -f exclude each other', { fix: 'Give one of them.' });
  }
  const documents = await manifestsOf(session, command, filenames, namespace);
  return documents.map((document) => {
    const { value } = document;
    const target = targetOf(value, namespace);
    if (target !== undefined) return target;
    throw new PortolanError(
      'VALIDATION_FAILED',
      `${document.file}:${document.text.line}: the document names no object (kind and metadata.name are needed)`,
    );
  });
}

function targetOf(value: unknown, namespace: string): Target | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('metadata' in value))
    return undefined;
  const { kind: kindText, metadata } = value;
  const kind = typeof kindText === 'string' ? kindNamed(kindText) : undefined;
  if (kind === undefined || typeof metadata !== 'object' || metadata === null) return undefined;
  if (!('name' in metadata) || typeof metadata.name !== 'string') return undefined;
  const given =
    'namespace' in metadata && typeof metadata.namespace === 'string' ? metadata.namespace : namespace;
  return { kind, namespace: given, name: metadata.name };
}

async function existing(
  client: Client,
  wanted: readonly Target[],
  ignore: boolean,
): Promise<readonly Target[]> {
  const found = await Promise.all(
    wanted.map(async (target) =>
      (await client.get(target.kind, target)) === undefined ? undefined : target,
    ),
  );
  const missing = wanted.find((_, i) => found[i] === undefined);
  if (missing !== undefined && !ignore) throw notFound(missing.kind, missing.namespace, missing.name);
  return found.filter((target) => target !== undefined);
}
