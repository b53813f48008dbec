import { Command } from 'commander';
import { addAdoptCommand } from './commands/adopt.ts';
import { addAgentCommand } from './commands/agent.ts';
import { addApplyCommand } from './commands/apply.ts';
import { addCertCommand } from './commands/cert.ts';
import { addCheckCommand } from './commands/check.ts';
import { addClusterCommand } from './commands/cluster.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDeleteCommand } from './commands/delete.ts';
import { addDescribeCommand } from './commands/describe.ts';
import { addDevCommand } from './commands/dev.ts';
import { addDiffCommand } from './commands/diff.ts';
import { addDrillCommand } from './commands/drill.ts';
import { addEventsCommand } from './commands/events.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGatewayCommand } from './commands/gateway.ts';
import { addGeoipCommand } from './commands/geoip.ts';
import { addGetCommand } from './commands/get.ts';
import { addHubCommand } from './commands/hub.ts';
import { addImportCommand } from './commands/import.ts';
import { addInitCommand } from './commands/init.ts';
import { addKeyCommand } from './commands/key.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addProviderCommand } from './commands/provider.ts';
import { addQuotaCommand } from './commands/quota.ts';
import { addResolveCommand } from './commands/resolve.ts';
import { addRollback } from './commands/rollback.ts';
import { addSourceCommand } from './commands/source.ts';
import { addStatusCommand } from './commands/status.ts';
import { addTokenCommand } from './commands/token.ts';
import { addUsageCommand } from './commands/usage.ts';
import { addVersionCommand } from './commands/version.ts';
import { addZoneCommand } from './commands/zone.ts';
import type { Session } from './session.ts';

/** As it was typed: kubectl runs it as a plug-in. */
function programName({ terminal }: Session): string {
  return terminal.env.PORTOLAN_PROGRAM === 'kubectl portolan' ? 'kubectl portolan' : 'portolan';
}

/** Every command, in the order the help lists them. */
export function createProgram(session: Session): Command {
  const program = new Command(programName(session))
    .description(
      'Multi-cluster traffic and DNS: health by quorum, answers by weight, geography and failover, drills.',
    )
    .option('-n, --namespace <name>', 'namespace (default: the one of the context, or default)')
    .option('-o, --output <format>', 'json, yaml, wide or name, where the command has it')
    .option('-q, --quiet', 'no progress on stderr')
    .option('--server <url>', 'the hub (or PORTOLAN_SERVER, or the nearest .portolan/context.json)')
    .option('--token <token>', 'API token (or PORTOLAN_TOKEN); other users of the machine can see arguments')
    .option('--token-file <file>', 'file with the API token (or PORTOLAN_TOKEN_FILE)')
    .version(session.version, '-V, --version', 'print the version')
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .exitOverride()
    .configureOutput({
      writeOut: session.terminal.out,
      // What is wrong is told once, with code and fix, where it is caught.
      writeErr: () => undefined,
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    });
  program.commandsGroup('Start:');
  addInitCommand(program, session);
  addHubCommand(program, session);
  addAgentCommand(program, session);
  addDevCommand(program, session);
  program.commandsGroup('Objects:');
  addGetCommand(program, session);
  addDescribeCommand(program, session);
  addApplyCommand(program, session);
  addPlanCommand(program, session);
  addDiffCommand(program, session);
  addDeleteCommand(program, session);
  addImportCommand(program, session);
  program.commandsGroup('Traffic:');
  addClusterCommand(program, session);
  addResolveCommand(program, session);
  addDrillCommand(program, session);
  addZoneCommand(program, session);
  addGatewayCommand(program, session);
  addCertCommand(program, session);
  program.commandsGroup('DNS providers:');
  addProviderCommand(program, session);
  addExplainCommand(program, session);
  addAdoptCommand(program, session);
  addRollback(program, session, 'portolan rollback');
  program.commandsGroup('Operate:');
  addCheckCommand(program, session);
  addStatusCommand(program, session);
  addSourceCommand(program, session);
  addGeoipCommand(program, session);
  addEventsCommand(program, session);
  addUsageCommand(program, session);
  addQuotaCommand(program, session);
  addKeyCommand(program, session);
  addTokenCommand(program, session);
  addVersionCommand(program, session);
  addCompletionCommand(program, session);
  return program;
}
