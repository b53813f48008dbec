import { ProviderError, type ProviderZone } from '../contract.ts';
import type { ApiZoneHead } from './wire.ts';

/** A secondary's zone is overwritten by the next transfer, so nothing is written there. @throws ProviderError `unsupported` */
export function refuseSecondary(
  zone: Pick<ProviderZone, 'origin'>,
  { kind }: Pick<ApiZoneHead, 'kind'>,
): void {
  if (!/^(slave|secondary|consumer)$/i.test(kind)) return;
  throw new ProviderError(
    'unsupported',
    `${zone.origin} is a ${kind} zone here: the next transfer from its primary would undo every change`,
    {
      fix: `Name the primary server in spec.powerdns.url, or make this one the primary: pdnsutil set-kind ${zone.origin.slice(0, -1)} native`,
    },
  );
}
