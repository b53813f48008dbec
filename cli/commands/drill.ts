import type { Command } from 'commander';
import type { Client, DrillPlan, DrillPlanInput, ObjectName } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { documentOf, parsedDrill } from '../drill-document.ts';
import { addDrillFlags, type DrillFlags } from '../drill-flags.ts';
import { addressNames, followDrill, isFinished } from '../drill-follow.ts';
import { withPlaces } from '../manifest.ts';
import { notFound } from '../object-argument.ts';
import { answerDiffLines } from '../output/answer-diff.ts';
import { documentText } from '../output/document.ts';
import { drillReportLines, timelineLine } from '../output/drill-report.ts';
import { createSpinner } from '../output/spinner.ts';
import {
  type Connection,
  connect,
  globals,
  type OutputFormat,
  outputOf,
  printLines,
  progress,
  type Session,
} from '../session.ts';

export function addDrillCommand(program: Command, session: Session): void {
  const drill = program
    .command('drill')
    .summary('rehearse a failover: plan, run, watch, abort, report')
    .description(
      'Rehearses a failover: takes a cluster out for a while, watches the answers at every name server and the requests at the backends, and rolls back at the end, on abort, or when a guard says so.',
    );
  addPlan(drill, session);
  addRun(drill, session);
  addWatch(drill, session);
  addAbort(drill, session);
  addReport(drill, session);
}

function addPlan(drill: Command, session: Session): void {
  const command = drill
    .command('plan [name]')
    .summary('what a drill would do, and whether its guards allow it now')
    .description(
      'Shows the guards with their figures, the steps, and how the answers would change. Stores nothing. Exit code 1 when a guard refuses.',
    );
  addDrillFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ portolan drill plan --action fail --cluster frankfurt
  $ portolan drill plan monthly-failover -o json`,
    )
    .action(async (name: string | undefined, flags: DrillFlags, self: Command) => {
      const format = outputOf(self);
      const connection = connect(session, self);
      const { client } = connection;
      const { namespace, spec } =
        name === undefined
          ? await parsedDrill(session, self, flags, connection.namespace)
          : await storedDrill(client, { namespace: connection.namespace, name });
      const plan = await client.planDrill(namespace, planInput(spec));
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(plan, format));
      else printLines(session, planLines(plan));
      if (plan.guards.some((g) => !g.ok)) session.exitCode = 1;
    });
}

function planInput({ metrics, ...spec }: Resource<'Drill'>['spec']): DrillPlanInput['spec'] {
  if (metrics === undefined) return spec;
  const { port, ...where } = metrics;
  return { ...spec, metrics: { ...where, ...(port === undefined ? {} : { port }) } };
}

function planLines(plan: DrillPlan): readonly string[] {
  // A drain that is shorter than a ramp never comes to the answers that are shown.
  const early = plan.guards.some((g) => g.name === 'ramp');
  const answers = answerDiffLines(plan.answers);
  return [
    'guards:',
    ...plan.guards.map((g) => `  ${g.ok ? '✓' : '✗'} ${g.name}: ${g.detail}`),
    'steps:',
    ...plan.steps.map((step, i) => `  ${i + 1}. ${step}`),
    ...(early && answers[0] === 'answers:'
      ? ['answers at the end of the ramp, which the drill does not reach:', ...answers.slice(1)]
      : answers),
  ];
}

function addRun(drill: Command, session: Session): void {
  const command = drill
    .command('run [name]')
    .summary('run a drill, follow it, and print its report')
    .description(
      'Stores the drill that the flags or the file describe (or takes the one named), starts it, follows it, and prints its report. Ctrl-C aborts the drill and waits until it is rolled back. Exit code 0 when it completed, 1 when it was aborted or failed.',
    );
  addDrillFlags(command)
    .option('--reason <text>', 'why; goes into the audit log')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan drill run --action fail --cluster frankfurt --duration 20 --metrics-port 8080
  $ portolan drill run -f drills/monthly.yaml`,
    )
    .action(
      async (name: string | undefined, flags: DrillFlags & { readonly reason?: string }, self: Command) => {
        const format = outputOf(self);
        const connection = connect(session, self);
        const { client } = connection;
        const target =
          name === undefined
            ? await store(session, self, flags, connection)
            : await storedDrill(client, { namespace: connection.namespace, name });
        await run(session, self, client, target, format, flags.reason).catch((thrown: unknown) => {
          const refused = PortolanError.from(thrown).code === 'DRILL_REFUSED';
          if (refused && name === undefined)
            session.terminal.err(
              `the drill stays stored, not started; to delete it: portolan delete drill ${target.name} -n ${target.namespace}\n`,
            );
          throw thrown;
        });
      },
    );
}

async function run(
  session: Session,
  command: Command,
  client: Client,
  target: ObjectName,
  format: OutputFormat,
  reason: string | undefined,
): Promise<void> {
  let interrupts = 0;
  const ending = new AbortController();
  const release = session.terminal.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1) {
      session.terminal.err('not waited for; the hub rolls the drill back by itself\n');
      ending.abort();
      return;
    }
    session.terminal.err('\naborting the drill; its fault is rolled back (Ctrl-C again: do not wait)\n');
    client.abortDrill(target).catch((thrown: unknown) => {
      session.terminal.err(`the abort was not taken: ${PortolanError.from(thrown).message}\n`);
    });
  });
  try {
    const { revision } = await client.list('Drill', target.namespace);
    await client.startDrill(target, reason === undefined ? {} : { reason });
    await follow(session, command, client, target, format, ending.signal, revision);
  } finally {
    release();
  }
}

/** Follows the drill and prints its report; sets the exit code by how it ended. */
async function follow(
  session: Session,
  command: Command,
  client: Client,
  target: ObjectName,
  format: OutputFormat,
  signal: AbortSignal,
  fromRevision?: number,
): Promise<void> {
  // The names as they are now: the report is about answers of this time.
  const names = await addressNames(client, target.namespace);
  const spinner = createSpinner(session.terminal, globals(command).quiet === true);
  spinner.waiting('waiting for the drill to begin');
  const drill = await followDrill(client, target, {
    signal,
    ...(fromRevision === undefined ? {} : { fromRevision }),
    onEvent: (event, { status, spec }) => {
      spinner.say(timelineLine(event, status?.startedAt));
      spinner.waiting(
        status?.phase === 'RollingBack'
          ? `waiting until ${spec.cluster} is admitted again`
          : `${spec.cluster} is out for ${spec.durationSeconds} s; Ctrl-C rolls back`,
      );
    },
    onReconnect: (text) => spinner.say(text),
  }).finally(() => spinner.stop());
  if (drill === undefined) {
    session.exitCode = 1;
    if (!signal.aborted) throw notFound('Drill', target.namespace, target.name);
    return;
  }
  session.exitCode = drill.status?.phase === 'Completed' ? 0 : 1;
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(drill, format));
  else {
    progress(session, command, '');
    printLines(session, drillReportLines(drill, names));
  }
}

function addWatch(drill: Command, session: Session): void {
  drill
    .command('watch <name>')
    .summary('follow a drill to its end')
    .description(
      'Follows a drill that runs, or is about to, and prints its report at the end. Ctrl-C only stops watching. Exit code as of `drill run`.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan drill watch fail-frankfurt\n  $ portolan drill watch fail-frankfurt -o json',
    )
    .action(async (name: string, _flags: unknown, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const stored = await storedDrill(client, { namespace, name });
      if (!isFinished(stored.drill) && stored.drill.status?.phase === undefined)
        progress(session, self, `drill ${namespace}/${name} has not been started yet; waiting`);
      await follow(session, self, client, stored, format, new AbortController().signal);
    });
}

function addAbort(drill: Command, session: Session): void {
  drill
    .command('abort <name>')
    .summary('end a drill now and roll it back')
    .description('Ends a running drill and waits until it is rolled back.')
    .option('--reason <text>', 'why; goes into the audit log')
    .option('--no-wait', 'do not wait for the rollback')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan drill abort fail-frankfurt\n  $ portolan drill abort fail-frankfurt --no-wait',
    )
    .action(
      async (name: string, flags: { readonly reason?: string; readonly wait: boolean }, self: Command) => {
        const format = outputOf(self);
        const { client, namespace } = connect(session, self);
        const target = { namespace, name };
        const aborted = await client.abortDrill(
          target,
          flags.reason === undefined ? {} : { reason: flags.reason },
        );
        const ended = flags.wait
          ? await followDrill(client, target, {
              signal: new AbortController().signal,
              onEvent: (event, { status }) => progress(session, self, timelineLine(event, status?.startedAt)),
              onReconnect: (text) => progress(session, self, text),
            })
          : undefined;
        const shown = ended ?? aborted;
        if (format === 'json' || format === 'yaml') session.terminal.out(documentText(shown, format));
        else
          printLines(session, [
            `drill/${name} ${flags.wait ? (shown.status?.phase ?? '').toLowerCase() : 'is being rolled back'}`,
          ]);
      },
    );
}

function addReport(drill: Command, session: Session): void {
  drill
    .command('report <name>')
    .summary('the report of a drill')
    .description(
      'Prints the report of the last run of a drill: times, answers per country, requests per endpoint.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan drill report fail-frankfurt\n  $ portolan drill report fail-frankfurt -o json',
    )
    .action(async (name: string, _flags: unknown, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const { drill: stored } = await storedDrill(client, { namespace, name });
      const { status } = stored;
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(
          documentText(
            {
              namespace,
              name,
              phase: status?.phase ?? 'Planned',
              startedAt: status?.startedAt,
              endedAt: status?.endedAt,
              timeline: status?.timeline ?? [],
              report: status?.report,
            },
            format,
          ),
        );
        return;
      }
      printLines(session, [
        ...drillReportLines(stored, await addressNames(client, namespace)),
        '',
        ...(status?.timeline ?? []).map((event) => timelineLine(event, status?.startedAt)),
      ]);
    });
}

async function store(
  session: Session,
  command: Command,
  flags: DrillFlags,
  { client, namespace }: Connection,
): Promise<ObjectName> {
  const { document, documents, ...target } = await documentOf(session, command, flags, namespace);
  try {
    await client.apply({ documents: [document] });
  } catch (thrown) {
    throw thrown instanceof PortolanError ? withPlaces(thrown, documents) : thrown;
  }
  if (globals(command).quiet !== true)
    session.terminal.err(`drill ${target.namespace}/${target.name} is stored; starting it\n`);
  return { namespace: target.namespace, name: target.name };
}

async function storedDrill(
  client: Client,
  target: ObjectName,
): Promise<ObjectName & { readonly spec: Resource<'Drill'>['spec']; readonly drill: Resource<'Drill'> }> {
  const drill = await client.get('Drill', target);
  if (drill === undefined) throw notFound('Drill', target.namespace, target.name);
  return { ...target, spec: drill.spec, drill };
}
