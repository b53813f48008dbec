import type { Command } from 'commander';
import type { HeldChange, SourceStatus } from '../../src/client/client.ts';
import { kindArgument } from '../kind-argument.ts';
import { documentText, objectName } from '../output/document.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

export function addSourceCommand(program: Command, session: Session): void {
  const source = program
    .command('source')
    .summary('objects from a Git folder or Kubernetes: see, approve, give back')
    .description(
      'Objects that come from a Git folder or from custom resources in Kubernetes: whether the hub has what these say, which of their changes wait for an admin, and who sets an object.',
    );
  addStatus(source, session);
  addHeld(source, session);
  addApprove(source, session);
  addReturn(source, session);
}

function addStatus(source: Command, session: Session): void {
  source
    .command('status')
    .summary('whether the hub has what the sources say')
    .description(
      'Shows each source with the revision that was read last, what became of its objects, everything that could not be read or applied with file and line, and objects that no source sets. Exit code 1 while something is not applied.',
    )
    .addHelpText('after', '\nExamples:\n  $ portolan source status\n  $ portolan source status -o json')
    .action(async (_options: unknown, self: Command) => {
      const format = outputOf(self);
      const items = await connect(session, self).client.sources();
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
      else if (items.length === 0)
        printLines(session, ['this hub has no source: every object comes by the API']);
      else printLines(session, items.flatMap(statusLines));
      if (items.some(({ ready }) => !ready)) session.exitCode = 1;
    });
}

function statusLines(status: SourceStatus): readonly string[] {
  const { applied, conflict, held, refused, failed } = status.objects;
  const others = Object.entries({ conflict, held, refused, failed }).flatMap(([state, count]) =>
    count === 0 ? [] : [`, ${count} ${state}`],
  );
  const { unmanaged = [] } = status;
  // A cluster has no revision as a whole.
  const revision = status.source === 'kubernetes' ? '' : `revision ${status.revision ?? '(none read yet)'}, `;
  return [
    `${status.source} ${status.at}: ${status.ready ? 'in sync' : 'not in sync'}`,
    `  ${revision}last pass ${status.lastPassAt ?? '(none yet)'}`,
    `  ${applied} applied${others.join('')}`,
    ...status.problems.flatMap(({ origin, object, message, fix }) => [
      `  ! ${[origin, object].filter((part) => part !== undefined && part !== '').join(' ')}: ${message}`,
      ...(fix === undefined ? [] : [`      fix: ${fix}`]),
    ]),
    ...(unmanaged.length === 0
      ? []
      : [`  set by no source: ${unmanaged.slice(0, 10).join(', ')}${unmanaged.length > 10 ? ', …' : ''}`]),
  ];
}

function addHeld(source: Command, session: Session): void {
  source
    .command('held')
    .summary('changes that wait for an admin')
    .description(
      'Lists changes of sources that a guard refuses until an admin approves them. All removals that are too many for one pass share an id: they are approved together.',
    )
    .addHelpText('after', '\nExamples:\n  $ portolan source held\n  $ portolan source held -o json')
    .action(async (_options: unknown, self: Command) => {
      const format = outputOf(self);
      const items = await connect(session, self).client.heldChanges();
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
      else if (items.length === 0) printLines(session, ['nothing is held']);
      else
        printLines(
          session,
          table(
            ['id', 'change', 'object', 'namespace', 'since', 'why'],
            items.map((held) => [
              held.id,
              held.verb,
              objectName(held.key.kind, held.key.name),
              held.key.namespace,
              held.since,
              why(held),
            ]),
          ),
        );
    });
}

function why({ violations }: HeldChange): string {
  return violations.map(({ code, message }) => `${code}: ${message}`).join('; ');
}

function addApprove(source: Command, session: Session): void {
  source
    .command('approve <id>')
    .summary('let one held change through')
    .description(
      'Lets exactly the held change with this id through, now, whatever the guard says against it. Another change of the same object has another id.',
    )
    .requiredOption('--reason <text>', 'why; goes into the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan source approve 3f9c0a1b2d4e --reason "the region is closed"\n  $ portolan source approve 3f9c0a1b2d4e --reason "agreed in the change meeting" -o json',
    )
    .action(async (id: string, { reason }: { readonly reason: string }, self: Command) => {
      const format = outputOf(self);
      const { client } = connect(session, self);
      const done = await client.approveHeldChange(id, reason);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(done, format));
      else
        printLines(
          session,
          done.changes.map(
            ({ kind, namespace, name }) => `${objectName(kind, name)} (namespace ${namespace}) let through`,
          ),
        );
    });
}

function addReturn(source: Command, session: Session): void {
  source
    .command('return <kind> <name>')
    .summary('give an object that was taken over back to its source')
    .description(
      'Ends a take-over: the source whose document names the object sets it again, with its next pass. Put into the document first what is to stay.',
    )
    .option('--reason <text>', 'why; goes into the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan source return trafficpolicy web\n  $ portolan source return cluster tokyo -n shop --reason "the fix is merged"',
    )
    .action(async (kindText: string, name: string, options: { readonly reason?: string }, self: Command) => {
      const format = outputOf(self);
      const kind = kindArgument(kindText);
      const { client, namespace } = connect(session, self);
      const done = await client.returnToSource({ kind, namespace, name, ...options });
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(done, format));
      else printLines(session, [`${objectName(kind, name)} is set by ${done.source} again`]);
    });
}
