import type { DesiredObject } from '../api/services.ts';
import { forbidden } from '../gateways/refusals.ts';
import type { Unplaced } from '../reconcile/references.ts';

type Desired = { [K in 'Issuer' | 'CertificatePolicy']: DesiredObject<K> }['Issuer' | 'CertificatePolicy'];

/** What no schema can say about one document: addresses nothing may contact (I32). What it refers to may come later. */
export function certificatePolicyViolations(
  desired: Desired,
  allowedRanges: readonly string[],
): readonly Unplaced[] {
  if (desired.kind !== 'Issuer' || desired.spec.acme === undefined) return [];
  const { directory, staging } = desired.spec.acme;
  return [
    ...forbidden('spec.acme.directory', new URL(directory).hostname, allowedRanges),
    ...(staging === undefined
      ? []
      : forbidden('spec.acme.staging', new URL(staging).hostname, allowedRanges)),
  ];
}
