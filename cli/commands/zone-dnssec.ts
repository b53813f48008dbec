import type { Command } from 'commander';
import type { ZoneDnssecAction } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { documentText } from '../output/document.ts';
import { dnssecLines } from '../output/zone-dnssec.ts';
import { connect, globals, outputOf, printLines, type Session } from '../session.ts';
import { addWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';
import { namedZone } from '../zone-argument.ts';

export function addZoneDnssec(zone: Command, session: Session): void {
  const dnssec = zone
    .command('dnssec')
    .summary('the keys of a signed zone: show, roll, confirm the DS')
    .description(
      'Shows how the signing of a zone stands and what its parent needs, and replaces keys. A zone is signed by `spec.dnssec` of its Zone. Name the Zone, or give its origin: `example.com`.',
    );
  addShow(dnssec, session);
  addRoll(dnssec, session);
  addConfirm(dnssec, session);
  addContinue(dnssec, session);
}

function addShow(dnssec: Command, session: Session): void {
  dnssec
    .command('show <zone>')
    .summary('state, keys, and the DS to type at the registrar')
    .description(
      'Shows the state of the signing, every key with its next step and why it waits, and the DS and DNSKEY that registrars ask for.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone dnssec show example\n  $ portolan zone dnssec show example -o json',
    )
    .action(async (name: string, _options: object, self: Command) => {
      const format = outputOf(self);
      const { zone } = await zoneOf(session, self, name);
      const status = zone.status?.dnssec;
      if (status === undefined) throw notSigned(zone);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(status, format));
      else printLines(session, dnssecLines(zone.spec.origin, status));
    });
}

async function zoneOf(session: Session, command: Command, text: string) {
  const { client, namespace } = connect(session, command);
  return { client, zone: await namedZone(client, text, { namespace, asked: globals(command).namespace }) };
}

function notSigned({ metadata, spec }: Resource<'Zone'>): PortolanError {
  const name = `${metadata.namespace}/${metadata.name}`;
  return spec.dnssec === undefined
    ? new PortolanError('NOT_FOUND', `Zone ${name} is not signed`, {
        fix: 'Add `dnssec: {}` to its spec and apply it.',
      })
    : new PortolanError('NOT_READY', `the keys of Zone ${name} are being made`);
}

function addRoll(dnssec: Command, session: Session): void {
  const command = dnssec
    .command('roll <zone>')
    .summary('replace a key')
    .description(
      'Begins to replace a key. Each step waits until every name server has confirmed the one before and caches have forgotten it. A new key-signing key also waits for its DS at the parent.',
    )
    .option('--zsk', 'the zone-signing key: by itself from here on')
    .option('--ksk', 'the key-signing key: the DS at the parent has to be changed on the way');
  addWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone dnssec roll example --zsk\n  $ portolan zone dnssec roll example --ksk --reason "yearly"',
    )
    .action(
      async (
        name: string,
        options: WriteFlags & { readonly zsk?: boolean; readonly ksk?: boolean },
        self: Command,
      ) => {
        if ((options.zsk === true) === (options.ksk === true)) {
          throw new PortolanError('USAGE', 'a roll is of one key', { fix: 'Give --zsk or --ksk.' });
        }
        const { client, zone } = await zoneOf(session, self, name);
        const role = options.zsk === true ? 'zsk' : 'ksk';
        say(session, self, await client.rollZoneKey(zone.metadata, role, writeOptions(options)), options);
      },
    );
}

function addConfirm(dnssec: Command, session: Session): void {
  const command = dnssec
    .command('confirm-ds <zone>')
    .summary('say that the parent has the DS, where the hub cannot see it')
    .description(
      'Says that every server of the parent has the DS that is waited for; of a zone that is being unsigned, that none has one any more. The hub sees that itself where it reaches the parent. Said too early, it makes the zone bogus.',
    );
  addWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone dnssec confirm-ds example --dry-run\n  $ portolan zone dnssec confirm-ds example --reason "seen with dig"',
    )
    .action(async (name: string, options: WriteFlags, self: Command) => {
      const { client, zone } = await zoneOf(session, self, name);
      say(session, self, await client.confirmZoneDs(zone.metadata, writeOptions(options)), options);
    });
}

function addContinue(dnssec: Command, session: Session): void {
  const command = dnssec
    .command('continue <zone>')
    .summary('go on without name servers that are away for over seven days')
    .description(
      'Goes on without name servers that have not confirmed a step for over seven days. What such a server answers may be bogus until it is back: first see that nobody asks it. Needs --force and --reason.',
    );
  addWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone dnssec continue example --dry-run --force --reason "who is left behind?"\n  $ portolan zone dnssec continue example --force --reason "paris burnt down"',
    )
    .action(async (name: string, options: WriteFlags, self: Command) => {
      const { client, zone } = await zoneOf(session, self, name);
      say(session, self, await client.continueZoneRoll(zone.metadata, writeOptions(options)), options);
    });
}

function say(session: Session, command: Command, result: ZoneDnssecAction, flags: WriteFlags): void {
  const format = outputOf(command);
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(result, format));
  else
    printLines(session, [
      `${result.zone}: ${result.message}${flags.dryRun === true ? ' (dry run: nothing was stored)' : ''}`,
    ]);
}
