import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addZoneCheck } from './zone-check.ts';
import { addZoneDnssec } from './zone-dnssec.ts';
import { addZoneExport } from './zone-export.ts';
import { addZoneImport } from './zone-import.ts';
import { addZoneList } from './zone-list.ts';

export function addZoneCommand(program: Command, session: Session): void {
  const zone = program
    .command('zone')
    .summary('list, import, export and check zones')
    .description(
      'Lists zones here and at DNS providers, takes a zone over from another name server, writes it as a zone file, and checks its delegation from outside.',
    );
  addZoneList(zone, session);
  addZoneImport(zone, session);
  addZoneExport(zone, session);
  addZoneCheck(zone, session);
  addZoneDnssec(zone, session);
}
