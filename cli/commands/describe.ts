import type { Command } from 'commander';
import type { AuditEntry, Client, HubStatus } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { conditionsOf } from '../../src/resources/conditions-of.ts';
import { kindJsonSchema } from '../../src/resources/json-schema.ts';
import { isDecision, newestAudit } from '../audit-tail.ts';
import { kindArgument } from '../kind-argument.ts';
import { notFound } from '../object-argument.ts';
import { documentText } from '../output/document.ts';
import { ageText } from '../output/duration.ts';
import { schemaLines } from '../output/schema-text.ts';
import { table } from '../output/table.ts';
import { targetLines } from '../output/target-text.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';
import { auditCells } from './events.ts';

/** Audit lines at the end of a description. */
const AUDIT_LINES = 5;

export function addDescribeCommand(program: Command, session: Session): void {
  program
    .command('describe <kind> <name>')
    .summary('everything about an object: spec, conditions, who saw what, who changed it')
    .description(
      'Shows an object with its spec, conditions, the health of its endpoints (who saw what, when), and the last audit entries. `describe schema <kind>` shows the fields a kind has.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan describe trafficpolicy web\n  $ portolan describe schema trafficpolicy',
    )
    .action(async (kindText: string, name: string, _options: unknown, self: Command) => {
      if (kindText === 'schema') {
        describeSchema(session, self, name);
        return;
      }
      outputOf(self, []);
      const kind = kindArgument(kindText);
      const { client, namespace } = connect(session, self);
      const [found, status, audit] = await Promise.all([
        client.get(kind, { namespace, name }),
        client.status(),
        auditOf(client, namespace, kind, name),
      ]);
      if (found === undefined) throw notFound(kind, namespace, name);
      // One object of a known kind; which one TypeScript cannot tell from a variable.
      printLines(session, objectLines(found as AnyResource, status, audit, session.terminal.nowMs()));
    });
}

function describeSchema(session: Session, command: Command, name: string): void {
  const format = outputOf(command);
  const schema = kindJsonSchema(kindArgument(name));
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(schema, format));
  else printLines(session, [String(schema.description ?? ''), '', ...schemaLines(schema)]);
}

/** The last entries about an object, or why there are none to see. */
async function auditOf(
  client: Client,
  namespace: string,
  kind: string,
  name: string,
): Promise<readonly AuditEntry[] | string> {
  try {
    return await newestAudit(
      client,
      namespace,
      AUDIT_LINES,
      (entry) => entry.kind === kind && entry.name === name && isDecision(entry),
    );
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    if (error.code === 'FORBIDDEN') return 'only the admin role may read the audit log';
    throw error;
  }
}

function objectLines(
  object: AnyResource,
  status: HubStatus,
  audit: readonly AuditEntry[] | string,
  nowMs: number,
): readonly string[] {
  const { metadata } = object;
  const pairs = (map: Readonly<Record<string, string>>): string =>
    Object.entries(map)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ');
  const head = [
    ['Kind', object.kind],
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    ['Age', `${ageText(metadata.creationTimestamp, nowMs)} (created ${metadata.creationTimestamp})`],
    [
      'Version',
      `generation ${metadata.generation}, resourceVersion ${metadata.resourceVersion}, uid ${metadata.uid}`,
    ],
    ['Deleting', metadata.deletionTimestamp ?? ''],
    ['Finalizers', metadata.finalizers.join(', ')],
  ].filter(([, value]) => value !== '');
  return [
    ...head.map(([key = '', value = '']) => `${`${key}:`.padEnd(13)}${value}`),
    ...section('Spec', documentText(object.spec, 'yaml').trimEnd().split('\n')),
    ...section('Conditions', conditionLines(object, nowMs)),
    ...section('Status', statusLines(object)),
    ...section('Health', healthLines(object, status, nowMs)),
    ...section(
      'Last changes',
      typeof audit === 'string'
        ? [audit]
        : audit.map(
            (entry) =>
              `${auditCells(entry).slice(0, 3).join('  ')}${entry.reason === undefined ? '' : `  (${entry.reason})`}`,
          ),
    ),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => (line === '' ? '' : `  ${line}`))];
}

function conditionLines(object: AnyResource, nowMs: number): readonly string[] {
  const conditions = conditionsOf(object);
  if (conditions.length === 0) return [];
  return table(
    ['TYPE', 'STATUS', 'REASON', 'FOR', 'MESSAGE'],
    conditions.map((c) => [c.type, c.status, c.reason, ageText(c.lastTransitionTime, nowMs), c.message]),
  );
}

/** What the status says besides the conditions. */
function statusLines(object: AnyResource): readonly string[] {
  const { conditions: _conditions, ...rest }: Readonly<Record<string, unknown>> = { ...object.status };
  return Object.keys(rest).length === 0 ? [] : documentText(rest, 'yaml').trimEnd().split('\n');
}

/** The votes behind the endpoints of a policy, or behind everything on a cluster. */
function healthLines(object: AnyResource, status: HubStatus, nowMs: number): readonly string[] {
  const key = `${object.metadata.namespace}/${object.metadata.name}`;
  const targets =
    object.kind === 'TrafficPolicy'
      ? status.targets.filter((t) => t.usedBy.some((use) => use.startsWith(`${key}/`)))
      : object.kind === 'Cluster'
        ? status.targets.filter((t) => t.cluster === key)
        : [];
  return targets.flatMap((target, i) => {
    const uses = target.usedBy
      .filter((use) => object.kind === 'Cluster' || use.startsWith(`${key}/`))
      .map((use) => (object.kind === 'Cluster' ? use : use.slice(key.length + 1)));
    const [first = '', ...votes] = targetLines(target, status.agents, nowMs);
    return [...(i === 0 ? [] : ['']), `${uses.join(', ')}: ${first}`, ...votes];
  });
}
