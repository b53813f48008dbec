import type { Command } from 'commander';
import type { ProviderZoneState } from '../src/client/client.ts';
import { documentText } from './output/document.ts';
import { zoneStateLines } from './output/zone-state.ts';
import { outputOf, printLines, type Session } from './session.ts';
import type { WriteFlags } from './write-flags.ts';

/** How the zone stands after something was done to it. @param headline what was done, for people */
export function told(session: Session, command: Command, state: ProviderZoneState, headline: string): void {
  const format = outputOf(command);
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(state, format));
  else printLines(session, [headline, ...zoneStateLines(state)]);
}

/** What the changes that follow are. */
export function writesWord({ dryRun }: Pick<WriteFlags, 'dryRun'>): string {
  return dryRun === true ? 'nothing is written now, this would be' : 'this is written now';
}
