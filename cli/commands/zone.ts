import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addZoneCheck } from './zone-check.ts';
import { addZoneDnssec } from './zone-dnssec.ts';
import { addZoneExport } from './zone-export.ts';
import { addZoneImport } from './zone-import.ts';

export function addZoneCommand(program: Command, session: Session): void {
  const zone = program
    .command('zone')
    .summary('import, export and check zones')
    .description(
      'Takes a zone over from another name server, writes it as a zone file, and checks its delegation from outside.',
    );
  addZoneImport(zone, session);
  addZoneExport(zone, session);
  addZoneCheck(zone, session);
  addZoneDnssec(zone, session);
}
