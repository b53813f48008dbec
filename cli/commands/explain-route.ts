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
    session.terminal.err(`${nothingSaid({ target, isHost, route, cluster, rule })}\n`);
  else printLines(session, items.flatMap(explainedRuleLines));
  if (items.length === 0) session.exitCode = 1;
}

/** Why there may be nothing to tell. With `--cluster` or `--rule` it is unknown whether another cluster or rule takes it. */
function nothingSaid({
  target,
  isHost,
  route,
  cluster,
  rule,
}: {
  readonly target: string;
  readonly isHost: boolean;
  readonly route: string;
  readonly cluster: string | undefined;
  readonly rule: string | undefined;
}): string {
  const limits = [
    ...(rule === undefined ? [] : [`--rule ${rule}`]),
    ...(cluster === undefined ? [] : [`--cluster ${cluster}`]),
  ].join(' and ');
  if (limits !== '')
    return `With ${limits} nothing is left of ${isHost ? target : route}; \`portolan explain route ${target}\` shows what there is.`;
  if (isHost)
    return `No rule of any gateway takes ${target}: it would be answered 404. \`portolan gateway list\` shows the listeners.`;
  const [namespace = '', name = ''] = route.split('/');
  return `No gateway has a rule of ${route}. \`portolan describe route ${name} -n ${namespace}\` says why.`;
}
