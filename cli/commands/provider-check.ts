import type { Command } from 'commander';
import type { ProviderCheck } from '../../src/client/client.ts';
import { documentText } from '../output/document.ts';
import { painter } from '../output/paint.ts';
import { namedProvider } from '../provider-argument.ts';
import { outputOf, printLines, type Session } from '../session.ts';

export function addProviderCheck(provider: Command, session: Session): void {
  provider
    .command('check <provider>')
    .summary('try credentials, permissions and zones')
    .description(
      'Tries everything that publishing needs: the credentials, each permission by its name, every zone of `spec.zones`. Nothing that stays is changed. When all is well, records that the provider refused before are tried again at once (by itself the hub does that with pauses of up to five minutes). Then it says what the provider can route by itself and what the hub does instead. Exit code 1: something fails.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan provider check cloud\n  $ portolan provider check cloud -n shop -o json',
    )
    .action(async (name: string, _options: object, self: Command) => {
      const format = outputOf(self);
      const named = namedProvider(session, self, name);
      const found = await named.client.checkProvider(named.provider);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(found, format));
      else printLines(session, checkLines(found, painter(session.terminal)));
      if (!found.ok) session.exitCode = 1;
    });
}

function checkLines(
  { ok, findings, capabilities }: ProviderCheck,
  paint: ReturnType<typeof painter>,
): readonly string[] {
  const failed = findings.filter((finding) => !finding.ok).length;
  return [
    ...findings.flatMap((finding) => [
      `${finding.ok ? paint('ok  ', 'green') : paint('FAIL', 'red')}  ${finding.subject}: ${finding.message}`,
      ...(finding.fix === undefined ? [] : [`      fix: ${finding.fix}`]),
    ]),
    '',
    ...capabilities.map(({ subject, native, reason }) => `${native ? 'yes' : 'no '}   ${subject}: ${reason}`),
    '',
    ok ? `${findings.length} checked, all well` : `${failed} of ${findings.length} checks fail`,
  ];
}
