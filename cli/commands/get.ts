import type { Command } from 'commander';
import type { Client, WatchedChange } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { type AnyResource, KINDS, type Kind } from '../../src/resources/catalogue.ts';
import { kindArgument } from '../kind-argument.ts';
import { notFound } from '../object-argument.ts';
import { documentText, listDocument, objectName } from '../output/document.ts';
import { kindHeadings, kindRow, type ListingOptions } from '../output/kind-table.ts';
import { table } from '../output/table.ts';
import { type Labels, parseSelector } from '../selector.ts';
import { connect, type OutputFormat, outputOf, printLines, type Session } from '../session.ts';

interface GetOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly watch?: boolean;
}

/** What is asked for. */
interface Wanted {
  readonly kind: Kind;
  /** Empty: all. */
  readonly names: readonly string[];
  /** Absent: all namespaces. */
  readonly namespace: string | undefined;
  readonly matches: (labels: Labels) => boolean;
}

export function addGetCommand(program: Command, session: Session): void {
  program
    .command('get <kind> [names...]')
    .summary('list objects, or show some')
    .description(
      `Lists objects of a kind, or shows those named. Kinds: ${Object.values(KINDS)
        .map((k) => k.plural)
        .join(', ')}; short forms such as cl, tp and hc work too.`,
    )
    .option('-A, --all-namespaces', 'in every namespace the token may see')
    .option('-l, --selector <labels>', 'only objects with these labels: key=value, key!=value, key, !key')
    .option('-w, --watch', 'then print every change until Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan get clusters -A -o wide
  $ portolan get trafficpolicy web -o yaml > web.yaml`,
    )
    .action(async (kindText: string, names: readonly string[], options: GetOptions, command: Command) => {
      const format = outputOf(command, ['wide', 'json', 'yaml', 'name']);
      const kind = kindArgument(kindText);
      if (options.allNamespaces === true && names.length > 0) {
        throw new PortolanError('USAGE', 'an object named with -A could be in any namespace', {
          fix: 'Use -n <namespace> with a name, or leave the name out.',
        });
      }
      const { client, namespace } = connect(session, command);
      const wanted: Wanted = {
        kind,
        names,
        namespace: options.allNamespaces === true ? undefined : namespace,
        matches: options.selector === undefined ? () => true : parseSelector(options.selector),
      };
      const listing = (): ListingOptions => ({
        wide: format === 'wide',
        namespaces: wanted.namespace === undefined,
        nowMs: session.terminal.nowMs(),
      });
      if (options.watch === true) {
        await watch(session, client, wanted, format, listing);
        return;
      }
      const items = await read(client, wanted);
      if (format === 'json' || format === 'yaml') {
        const only = names.length === 1 ? items[0] : undefined;
        session.terminal.out(documentText(only ?? listDocument(items), format));
      } else if (format === 'name') {
        printLines(
          session,
          items.map((o) => objectName(o.kind, o.metadata.name)),
        );
      } else if (items.length === 0) {
        const where = wanted.namespace === undefined ? 'any namespace' : `namespace ${wanted.namespace}`;
        session.terminal.err(`No ${KINDS[kind].plural} in ${where}.\n`);
      } else {
        printLines(
          session,
          table(
            kindHeadings(kind, listing()),
            items.map((o) => kindRow(o, listing())),
          ),
        );
      }
    });
}

async function read(client: Client, wanted: Wanted): Promise<readonly AnyResource[]> {
  const { kind, names, namespace } = wanted;
  if (names.length === 0 || namespace === undefined) {
    const { items } = await client.list(kind, namespace);
    return asAny(items).filter((object) => wanted.matches(object.metadata.labels));
  }
  const found = await Promise.all(
    names.map(async (name) => {
      const object = await client.get(kind, { namespace, name });
      if (object === undefined) throw notFound(kind, namespace, name);
      return object;
    }),
  );
  return asAny(found).filter((object) => wanted.matches(object.metadata.labels));
}

function asAny(items: readonly { readonly kind: Kind }[]): readonly AnyResource[] {
  // One kind's objects are objects of any kind; TypeScript cannot see it through the type parameter.
  return items as readonly AnyResource[];
}

async function watch(
  session: Session,
  client: Client,
  wanted: Wanted,
  format: OutputFormat,
  listing: () => ListingOptions,
): Promise<void> {
  const shows = (object: AnyResource): boolean =>
    (wanted.names.length === 0 || wanted.names.includes(object.metadata.name)) &&
    wanted.matches(object.metadata.labels);
  const list = await client.list(wanted.kind, wanted.namespace);
  const first = asAny(list.items).filter(shows);
  const headings = kindHeadings(wanted.kind, listing());
  const widths = table(
    headings,
    first.map((o) => kindRow(o, listing())),
  );
  const print = (object: AnyResource, type: WatchedChange['type']): void => {
    if (format === 'json')
      session.terminal.out(`${JSON.stringify(type === 'deleted' ? { type, object } : object)}\n`);
    else if (format === 'yaml') session.terminal.out(`---\n${documentText(object, 'yaml')}`);
    else if (format === 'name') printLines(session, [objectName(object.kind, object.metadata.name)]);
    else {
      const row = kindRow(object, listing());
      // Aligned with what stands above, as far as it fits.
      const lines = table(headings, [...first.map((o) => kindRow(o, listing())), row]);
      printLines(session, [`${lines.at(-1) ?? ''}${type === 'deleted' ? '   (deleted)' : ''}`]);
    }
  };
  if (format === 'table' || format === 'wide') printLines(session, widths);
  else for (const object of first) print(object, 'added');
  const ending = new AbortController();
  const scope = {
    kind: wanted.kind,
    ...(wanted.namespace === undefined ? {} : { namespace: wanted.namespace }),
  };
  const changes = client.watch(scope, {
    signal: ending.signal,
    fromRevision: list.revision,
    onReconnect: (error) => session.terminal.err(`watching again: ${error.message}\n`),
  });
  for await (const change of changes) {
    if ('object' in change && shows(change.object)) print(change.object, change.type);
  }
}
