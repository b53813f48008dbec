import type { Command } from 'commander';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

export function addVersionCommand(program: Command, session: Session): void {
  program
    .command('version')
    .summary('versions of this program, and of the hub where one answers')
    .description('Prints the version of this program, of Node.js, and of the hub where one answers.')
    .option('--client', 'do not ask the hub')
    .addHelpText('after', '\nExamples:\n  $ portolan version\n  $ portolan version --client -o json')
    .action(async (options: { readonly client?: boolean }, command: Command) => {
      const format = outputOf(command);
      const hub = options.client === true ? undefined : await hubVersion(session, command);
      const versions = {
        client: { version: session.version, node: process.versions.node },
        ...(hub === undefined ? {} : { hub }),
      };
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText(versions, format));
        return;
      }
      printLines(session, [
        `portolan ${session.version} (Node.js ${process.versions.node})`,
        ...(hub === undefined
          ? []
          : ['version' in hub ? `hub ${hub.version} at ${hub.server}` : `hub unknown: ${hub.error}`]),
      ]);
    });
}

async function hubVersion(
  session: Session,
  command: Command,
): Promise<{ server: string; version: string } | { error: string } | undefined> {
  try {
    const { client } = connect(session, command);
    return { server: client.server, version: (await client.status()).hub.version };
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    // Nobody said which hub: then this is about the program alone.
    return error.code === 'USAGE' || error.code === 'UNAUTHENTICATED' ? undefined : { error: error.message };
  }
}
