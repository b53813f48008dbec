import type { Command } from 'commander';
import { addAgentFlags, agentArguments } from '../agent-flags.ts';
import { runInForeground } from '../child-program.ts';
import type { Session } from '../session.ts';

interface AgentOptions {
  readonly dataDir?: string;
  readonly kubernetes?: boolean;
  readonly [flag: string]: unknown;
}

export function addAgentCommand(program: Command, session: Session): void {
  const command = program
    .command('agent')
    .summary('run an agent that has joined')
    .description(
      'Runs the agent of a cluster in the foreground until Ctrl-C. It needs an identity: `portolan cluster join` gets one.',
    )
    .option('--data-dir <dir>', 'identity, snapshots and the last states (or PORTOLAN_DATA_DIR)')
    .option('--kubernetes', 'serve the Gateways, routes and Services of its Kubernetes cluster');
  addAgentFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ portolan agent --data-dir ./agent-paris --dns 127.0.0.1:5302
  $ portolan agent --config /etc/portolan/agent.yaml`,
    )
    .action(async (options: AgentOptions) => {
      // `cluster join` has the same flag with another meaning, so it is none of those they share.
      const own = options.kubernetes === true ? ['--kubernetes'] : [];
      session.exitCode = await runInForeground(
        'agent',
        [...agentArguments(options, options.dataDir), ...own],
        session.entryUrl,
      );
    });
}
