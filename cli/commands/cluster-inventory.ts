import type { Command } from 'commander';
import type { ClusterInventory } from '../../src/client/client.ts';
import { documentText } from '../output/document.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

/** Kinds that there are many of and little to say about. */
const COUNTED_ONLY = ['Service', 'Namespace'];

export function addInventoryCommand(cluster: Command, session: Session): void {
  cluster
    .command('inventory <name>')
    .summary('what the agent found in Kubernetes, and what became of it')
    .description(
      'Lists the Gateways, routes, policies and Secrets that the agent of a cluster found in Kubernetes: whether they are used, and why not. Services and Namespaces are counted; --kind lists them.',
    )
    .option('--kind <kind>', 'only objects of this kind, such as HTTPRoute or Service')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cluster inventory tokyo\n  $ portolan cluster inventory tokyo --kind Service -o json',
    )
    .action(async (name: string, options: { readonly kind?: string }, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const found = await client.clusterInventory({ namespace, name }, options.kind);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(found, format));
      else printLines(session, inventoryLines(found, options.kind !== undefined));
    });
}

function inventoryLines(found: ClusterInventory, all: boolean): readonly string[] {
  const { cluster, live, awaitedSince, counts } = found;
  const numbers = Object.entries(counts).map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`);
  const state =
    awaitedSince !== undefined
      ? `is waited for since ${awaitedSince}: the agent keeps the snapshot that it has`
      : live
        ? 'is told by its agent'
        : 'is what its agent told last: it is away';
  const rows = found.items
    .filter(({ kind, state: is }) => all || is !== 'used' || !COUNTED_ONLY.includes(kind))
    .map((item) => [
      item.kind,
      item.namespace === '' ? item.name : `${item.namespace}/${item.name}`,
      item.state,
      item.detail,
    ]);
  return [
    `The inventory of ${cluster} ${state}.`,
    numbers.length === 0 ? 'Nothing was found.' : `Found: ${numbers.join(', ')}.`,
    ...(rows.length === 0 ? [] : ['', ...table(['KIND', 'NAME', 'STATE', 'DETAIL'], rows)]),
  ];
}
