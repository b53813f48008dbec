import { type Command, InvalidArgumentError } from 'commander';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

interface UsageOptions {
  readonly allNamespaces?: boolean;
  readonly principal?: string;
  readonly key?: string;
  readonly route?: string;
  readonly metric?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly to?: string;
  readonly minutes?: boolean;
  readonly limit: number;
}

export function addUsageCommand(program: Command, session: Session): void {
  program
    .command('usage')
    .summary('who used what, as the gateways counted it')
    .description(
      'Prints the requests that gateways let pass, added up by principal, key, route and cluster; with --minutes a row per minute, newest first. Gateways report every second; what a cluster counts while it cannot reach the hub comes later.',
    )
    .option('-A, --all-namespaces', 'of every namespace')
    .option('--principal <name>', 'only of this principal')
    .option('--key <id>', 'only by the API key of this public id')
    .option('--route <name>', 'only on this route; as namespace/name when it is in another namespace')
    .option('--metric <name>', 'only this metric, such as hits')
    .option(
      '--cluster <name>',
      'only as let pass by this cluster; as namespace/name when it is in another namespace',
    )
    .option('--from <time>', 'from this minute on, RFC 3339', instant('--from'))
    .option('--to <time>', 'before this minute, RFC 3339', instant('--to'))
    .option('--minutes', 'a row per minute')
    .option('--limit <count>', 'how many rows', count, 100)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan usage --principal acme\n  $ portolan usage --minutes --route default/orders --from 2026-01-31T00:00:00Z',
    )
    .action(async (options: UsageOptions, self: Command) => {
      const format = outputOf(self);
      const connection = connect(session, self);
      const { principal, key, route, metric, cluster, from, to } = options;
      const items = await connection.client.usage({
        ...(options.allNamespaces === true ? {} : { namespace: connection.namespace }),
        ...(principal === undefined ? {} : { principal }),
        ...(key === undefined ? {} : { key }),
        ...(route === undefined ? {} : { route: full(route, connection.namespace) }),
        ...(metric === undefined ? {} : { metric }),
        ...(cluster === undefined ? {} : { cluster: full(cluster, connection.namespace) }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        by: options.minutes === true ? 'minute' : 'total',
        limit: options.limit,
      });
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText({ items }, format));
        return;
      }
      const rows = items.map((item) => [
        ...(options.minutes === true ? [item.minute ?? ''] : []),
        item.namespace,
        item.principal,
        item.key ?? '',
        item.route,
        item.metric,
        item.cluster,
        String(item.amount),
      ]);
      const headings = ['NAMESPACE', 'PRINCIPAL', 'KEY', 'ROUTE', 'METRIC', 'CLUSTER', 'AMOUNT'];
      printLines(session, table(options.minutes === true ? ['MINUTE', ...headings] : headings, rows));
    });
}

/** `name` or `namespace/name` as the hub writes it. */
function full(text: string, namespace: string): string {
  return text.includes('/') ? text : `${namespace}/${text}`;
}

function instant(flag: string): (text: string) => string {
  return (text) => {
    const at = Date.parse(text);
    if (!Number.isNaN(at)) return new Date(at).toISOString();
    throw new PortolanError('USAGE', `${flag} ${JSON.stringify(text)} is no time`, {
      fix: `Write it like ${flag} 2026-01-31T12:00:00Z.`,
    });
  };
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 to 9999');
  return Number(text);
}
