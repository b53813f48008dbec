import type { Command } from 'commander';
import { PortolanError } from '../../src/errors/error.ts';
import { kindNamed } from '../../src/resources/catalogue.ts';
import { documentText } from '../output/document.ts';
import { explainedRuleLines } from '../output/explained-rule.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

export interface RouteFlags {
  readonly cluster?: string;
  readonly rule?: string;
  readonly method: string;
  readonly header: readonly string[];
}

export function isRouteKind(text: string): boolean {
  const kind = kindNamed(text);
  return kind === 'HTTPRoute' || kind === 'GRPCRoute';
}

/**
 * `explain route <name | namespace/name | host/path>`: a host has a dot, a wildcard or a port before the first slash; names of namespaces
 * have none.
 */
export async function explainRoute(
  session: Session,
  self: Command,
  target: string,
  { cluster, rule, method, header }: RouteFlags,
): Promise<void> {
  const format = outputOf(self);
  const { client, namespace } = connect(session, self);
  for (const line of header) {
    if (!/^[^:\s]+:/.test(line))
      throw new PortolanError('USAGE', `--header ${JSON.stringify(line)} is no header`, {
        fix: 'Write it as `--header "name: value"`.',
      });
  }
  const isHost = /^[^/]*[.:]/.test(target);
  const route = target.includes('/') ? target : `${namespace}/${target}`;
  const items = await client.explainRoute({
    ...(isHost ? { request: target, method: method.toUpperCase(), headers: header.join('\n') } : { route }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(rule === undefined ? {} : { rule }),
  });
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
  else if (items.length === 0)
    session.terminal.err(
      isHost
        ? `No rule of any gateway takes ${target}: it would be answered 404. \`portolan gateway list\` shows the listeners.\n`
        : `No gateway has a rule of ${route}. \`portolan describe route ${route.split('/')[1] ?? ''} -n ${route.split('/')[0] ?? ''}\` says why.\n`,
    );
  else printLines(session, items.flatMap(explainedRuleLines));
  if (items.length === 0) session.exitCode = 1;
}
