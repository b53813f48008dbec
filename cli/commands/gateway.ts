import type { Command } from 'commander';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { ListenerStatus } from '../../src/resources/gateway.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import { documentText, listDocument } from '../output/document.ts';
import { table } from '../output/table.ts';
import { connect, globals, outputOf, printLines, type Session } from '../session.ts';

export function addGatewayCommand(program: Command, session: Session): void {
  const gateway = program
    .command('gateway')
    .summary('the gateways that agents run')
    .description(
      'Looks at the gateways that agents run: their listeners, addresses and problems, and the CA of development certificates.',
    );
  addList(gateway, session);
  addCa(gateway, session);
}

function addList(gateway: Command, session: Session): void {
  gateway
    .command('list')
    .summary('every listener with its address, routes and problems')
    .description(
      'Lists the listeners of every Gateway of a namespace: port, host, routes attached, the clusters that serve it, and what is wrong. Exit code 1: something is wrong.',
    )
    .option('-A, --all-namespaces', 'of every namespace')
    .addHelpText('after', '\nExamples:\n  $ portolan gateway list\n  $ portolan gateway list -A -o json')
    .action(async (options: { readonly allNamespaces?: boolean }, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const { items } = await client.list('Gateway', options.allNamespaces === true ? undefined : namespace);
      if (format === 'json' || format === 'yaml')
        session.terminal.out(documentText(listDocument(items), format));
      else if (items.length === 0)
        session.terminal.err(
          `No Gateway in ${options.allNamespaces === true ? 'any namespace' : (globals(self).namespace ?? namespace)}; docs/guides/gateway.md begins with one.\n`,
        );
      else printLines(session, lines(items));
      if (items.some((one) => problemsOf(one).length > 0)) session.exitCode = 1;
    });
}

function addCa(gateway: Command, session: Session): void {
  gateway
    .command('ca')
    .summary('the CA of development certificates, PEM')
    .description(
      "Prints the certificate of the hub's development CA, for clients of listeners with `portolan.dev/certificate: internal`. It is not for the public: use certificates of a public CA there.",
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan gateway ca > gateway-ca.pem\n  $ portolan gateway ca | openssl x509 -noout -subject -enddate',
    )
    .action(async (_options: unknown, self: Command) => {
      outputOf(self);
      const { client } = connect(session, self);
      session.terminal.out(await client.gatewayCa());
    });
}

function lines(gateways: readonly Resource<'Gateway'>[]): readonly string[] {
  const rows = gateways.flatMap((gateway) => {
    const { metadata, spec, status } = gateway;
    return spec.listeners.map((listener) => {
      const own = status?.listeners.find((l) => l.name === listener.name);
      return [
        `${metadata.namespace}/${metadata.name}`,
        listener.name,
        `${listener.protocol} ${listener.port}`,
        listener.hostname ?? '*',
        String(own?.attachedRoutes ?? 0),
        ...(isServed(own)
          ? [
              (status?.addresses ?? []).map((a) => a.value).join(','),
              (status?.clusters ?? []).map((c) => `${c.name}${c.programmed ? '' : ' (pending)'}`).join(','),
            ]
          : ['', '']),
      ];
    });
  });
  const problems = gateways.flatMap((gateway) =>
    problemsOf(gateway).map(
      (problem) => `  ${gateway.metadata.namespace}/${gateway.metadata.name} ${problem}`,
    ),
  );
  return [
    ...table(['GATEWAY', 'LISTENER', 'PORT', 'HOST', 'ROUTES', 'ADDRESSES', 'CLUSTERS'], rows),
    ...(problems.length === 0 ? [] : ['', 'Problems:', ...problems]),
  ];
}

/** What is wrong with it keeps it from being opened anywhere; an agent that has not opened it yet does not. */
function isServed(listener: ListenerStatus | undefined): boolean {
  return !(listener?.conditions ?? []).some(
    (c) => c.type === 'Programmed' && c.status === 'False' && c.reason === 'Invalid',
  );
}

/** Conditions for which `True` is the bad news. */
const NEGATIVE = new Set(['Conflicted', 'OverlappingTLSConfig']);

function problemsOf({ status }: Resource<'Gateway'>): readonly string[] {
  const bad = (conditions: readonly Condition[]): readonly Condition[] =>
    conditions
      .filter((c) => (c.status === 'True') === NEGATIVE.has(c.type) && c.status !== 'Unknown')
      // One mistake is often the reason of several conditions: it is said once, by the first.
      .filter((c, at, all) => all.findIndex(({ message }) => message === c.message) === at);
  return [
    ...bad(status?.conditions ?? []).map((c) => `${c.type}: ${c.message}`),
    ...(status?.listeners ?? []).flatMap((listener) =>
      bad(listener.conditions)
        // What waits for an agent is said once, for the whole Gateway.
        .filter((c) => !(c.type === 'Programmed' && c.reason === 'Pending'))
        .map((c) => `listener ${listener.name}: ${c.type}: ${c.message}`),
    ),
  ];
}
