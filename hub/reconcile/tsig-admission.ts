import { parseTsigSecret, tsigSecretsOf } from '../../src/resources/tsig-secret.ts';
import type { AdmissionViolation, ProposedChange } from '../api/services.ts';
import type { Store } from '../store/contract.ts';
import { mergeValues } from '../store/secrets.ts';
import { objectKey } from './objects.ts';
import type { World } from './world.ts';

/**
 * What is wrong with the TSIG keys of zones in the world as it would be: judged at the change of the Zone that names one, or of the
 * Secret that a zone names. Reads stored values; none of them is in what it says.
 */
export async function tsigSecretViolations(
  changes: readonly ProposedChange[],
  next: World,
  store: Pick<Store, 'secretData'>,
): Promise<readonly AdmissionViolation[]> {
  const violations: AdmissionViolation[] = [];
  for (const [change, proposed] of changes.entries()) {
    if (proposed.type === 'delete') continue;
    const { kind, namespace, name } = proposed.next;
    const secrets = kind === 'Zone' ? tsigSecretsOf(proposed.next.spec.transfers) : [];
    const isKey =
      kind === 'Secret' &&
      [...next.objects.Zone.values()].some(
        (zone) => zone.metadata.namespace === namespace && tsigSecretsOf(zone.spec.transfers).includes(name),
      );
    for (const secret of isKey ? [name] : secrets) {
      // A Secret that is not there is said already.
      if (!next.objects.Secret.has(objectKey(namespace, secret))) continue;
      const problem = await problemOf({ namespace, name: secret }, changes, store);
      if (problem === undefined) continue;
      violations.push({
        change,
        path: isKey ? 'spec.stringData' : 'spec.transfers',
        code: 'TSIG_KEY_INVALID',
        message: `Secret ${namespace}/${secret} is no TSIG key: ${problem}`,
        fix: 'Give it `name` (such as transfer.example.), `algorithm` (hmac-sha256) and `secret` (base64), as `tsig-keygen` or `keymgr -t` print them.',
      });
    }
  }
  return violations;
}

async function problemOf(
  secret: { readonly namespace: string; readonly name: string },
  changes: readonly ProposedChange[],
  store: Pick<Store, 'secretData'>,
): Promise<string | undefined> {
  const stored = (await store.secretData({ kind: 'Secret', ...secret })) ?? {};
  const proposed = changes.flatMap((c) =>
    c.type !== 'delete' &&
    c.next.kind === 'Secret' &&
    c.next.namespace === secret.namespace &&
    c.next.name === secret.name
      ? [c.next.spec.stringData]
      : [],
  )[0];
  const parsed = parseTsigSecret(mergeValues(stored, proposed));
  return 'problem' in parsed ? parsed.problem : undefined;
}
