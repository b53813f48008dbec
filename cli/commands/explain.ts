import type { Command } from 'commander';
import type { Client, CompileReport, ObjectName } from '../../src/client/client.ts';
import { parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { explainReport } from '../../src/plan/explain-report.ts';
import { kindArgument } from '../kind-argument.ts';
import { notFound } from '../object-argument.ts';
import { documentText } from '../output/document.ts';
import { repeated } from '../repeated-option.ts';
import { connect, globals, outputOf, printLines, type Session } from '../session.ts';
import { storedZone } from '../zone-argument.ts';
import { explainRoute, isRouteKind, type RouteFlags } from './explain-route.ts';

export function addExplainCommand(program: Command, session: Session): void {
  program
    .command('explain <hostname|kind> [name]')
    .option('--cluster <name>', 'of a route: on this cluster only')
    .option('--rule <name>', 'of a route: this rule only, by name or index')
    .option('--method <method>', 'of a host and path: the method', 'GET')
    .option(
      '--header <name: value>',
      'of a host and path: a header; may be given several times',
      repeated,
      [],
    )
    .summary('what holds for a route at the gateways, and what becomes of a hostname at each DNS provider')
    .description(
      "Two questions. `explain route <name>` or `explain route <host/path>`: what holds at the gateways for each rule of a route, or for the rule that takes a request to this host and path (read as the gateway reads it), and which policy says so; what is the product's own is left out, `-o json` has all. `explain <hostname>`, `explain policy <name>` or `explain zone <name>`: what each DNS provider makes of it: which part of the policy the provider keeps with each query, which the hub keeps by changing records, what is lost or refused, and what happens while the hub is away. (`resolve` says what is answered now.) Exit code 1: something is refused, or nothing takes the request.",
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan explain route shop.example.com/cart --method POST\n  $ portolan explain www.example.com',
    )
    .action(async (what: string, name: string | undefined, options: RouteFlags, self: Command) => {
      const format = outputOf(self);
      if (name !== undefined && isRouteKind(what)) {
        await explainRoute(session, self, name, options);
        return;
      }
      if (name === undefined && isRouteKind(what))
        throw new PortolanError(
          'USAGE',
          `portolan explain ${what} needs the name of a route, or a host and path`,
          {
            fix: 'Write `portolan explain route <name>` or `portolan explain route shop.example.com/cart`.',
          },
        );
      const { client, namespace } = connect(session, self);
      const reports =
        name === undefined
          ? await ofHostname(client, what, globals(self).namespace)
          : await ofObject(client, what, { namespace, name });
      if (format === 'json' || format === 'yaml')
        session.terminal.out(documentText({ items: reports }, format));
      else if (reports.length === 0)
        session.terminal.err(
          `No zone of a DNSProvider holds ${name ?? what}: the embedded name servers answer it, if anybody does.\n`,
        );
      else
        printLines(
          session,
          reports.flatMap((report) => explainReport(report)),
        );
      if (reports.some(({ outcome }) => outcome === 'refused')) session.exitCode = 1;
    });
}

/** @throws PortolanError USAGE when the kind has no reports, NOT_FOUND */
async function ofObject(client: Client, kindText: string, policy: ObjectName) {
  const kind = kindArgument(kindText);
  if (kind === 'Zone') return client.zoneCompileReports(policy);
  if (kind !== 'TrafficPolicy') {
    throw new PortolanError('USAGE', `a ${kind} is not published at DNS providers by itself`, {
      fix: 'Write `portolan explain policy <name>`, `portolan explain zone <name>` or `portolan explain <hostname>`.',
    });
  }
  if ((await client.get('TrafficPolicy', policy)) === undefined)
    throw notFound('TrafficPolicy', policy.namespace, policy.name);
  return client.compileReports(policy);
}

/** @throws PortolanError DNS_NAME_INVALID, NOT_FOUND */
async function ofHostname(
  client: Client,
  text: string,
  namespace: string | undefined,
): Promise<readonly CompileReport[]> {
  const hostname = parseName(text);
  const { items } = await client.list('TrafficPolicy', namespace);
  const policy = items.find(({ spec }) => spec.hostnames.includes(hostname));
  if (policy === undefined) {
    const zone = await storedZone(client, hostname, namespace);
    if (zone !== undefined) return client.zoneCompileReports(zone.metadata);
    throw new PortolanError(
      'NOT_FOUND',
      `no TrafficPolicy has the hostname ${hostname}, and no Zone this origin`,
      {
        fix: 'List the policies with `portolan get policies -A`; for all names of one: `portolan explain policy <name>`.',
      },
    );
  }
  const reports = await client.compileReports(policy.metadata);
  return reports.filter((report) => report.hostname === hostname);
}
