import type { Command } from 'commander';
import type { ProviderCheck } from '../../src/client/client.ts';
import { documentText } from '../output/document.ts';
import { painter } from '../output/paint.ts';
import { namedProvider } from '../provider-argument.ts';
import { outputOf, printLines, type Session } from '../session.ts';

interface CheckOptions {
  readonly capabilities?: boolean;
}

export function addProviderCheck(provider: Command, session: Session): void {
  provider
    .command('check <provider>')
    .summary('try credentials, permissions and zones')
    .description(
      'Tries everything that publishing needs: the credentials, each permission by its name, every zone of `spec.zones`. Nothing that stays is changed. When all is well, records that the provider refused before are tried again at once (by itself the hub does that with pauses of up to five minutes). Then it says in short what the provider can route by itself and what the hub does instead. Exit code 1: something fails.',
    )
    .option('--capabilities', 'say of each thing whether the provider does it, and why')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan provider check cloud --capabilities\n  $ portolan provider check cloud -n shop -o json',
    )
    .action(async (name: string, options: CheckOptions, self: Command) => {
      const format = outputOf(self);
      const named = namedProvider(session, self, name);
      const found = await named.client.checkProvider(named.provider);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(found, format));
      else printLines(session, checkLines(found, options.capabilities === true, painter(session.terminal)));
      if (!found.ok) session.exitCode = 1;
    });
}

function checkLines(
  { ok, findings, capabilities }: ProviderCheck,
  all: boolean,
  paint: ReturnType<typeof painter>,
): readonly string[] {
  const failed = findings.filter((finding) => !finding.ok).length;
  return [
    ...findings.flatMap((finding) => [
      `${finding.ok ? paint('ok  ', 'green') : paint('FAIL', 'red')}  ${finding.subject}: ${finding.message}`,
      ...(finding.fix === undefined ? [] : [`      fix: ${finding.fix}`]),
    ]),
    ok ? `${findings.length} checked, all well` : `${failed} of ${findings.length} checks fail`,
    // Who has something to mend does not want to know yet what else there is.
    ...(all ? ['', ...capabilities.map(capabilityLine)] : ok ? summaryLines(capabilities) : []),
  ];
}

type Capability = ProviderCheck['capabilities'][number];

function capabilityLine({ about, subject, native, reason }: Capability): string {
  const who = about !== 'routing' ? '' : native ? 'by the provider' : 'not by the provider';
  return `${subject}: ${about === 'safety' ? `${native ? 'yes' : 'no'}. ` : who === '' ? '' : `${who}. `}${reason}`;
}

/** `native: geo, weights`, then what the hub computes instead. */
function summaryLines(capabilities: readonly Capability[]): readonly string[] {
  const subjects = (native: boolean): string =>
    capabilities
      .filter((one) => one.about === 'routing' && one.native === native)
      .map(({ subject }) => subject)
      .join(', ');
  const [own, hubs] = [subjects(true), subjects(false)];
  return [
    ...(own === '' ? [] : [`native: ${own}`]),
    ...(hubs === '' ? [] : [`computed by the hub, as far as plain records can say it: ${hubs}`]),
    '(--capabilities says why)',
  ];
}
