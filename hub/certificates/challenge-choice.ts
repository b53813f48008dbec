import type { ChallengeRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { challengeTypes } from '../../src/certificates/order.ts';
import type { ChallengePresenter } from './contract.ts';

/**
 * How a name is proven: the first kind of challenge that the policy, the CA and somebody here can do, or why there is none.
 * @param offered by the CA; undefined: it was not asked yet
 */
export async function presenterOf(
  presenters: readonly ChallengePresenter[],
  namespace: string,
  of: { readonly name: string; readonly wildcard: boolean },
  wish: WantedCertificate['challenge'],
  offered: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<{ readonly type: ChallengeRecord['type'] } | { readonly why: string }> {
  const reasons: string[] = [];
  const types = challengeTypes(
    wish,
    of,
    presenters.map(({ type }) => type),
  );
  for (const type of types) {
    if (offered !== undefined && !offered.includes(type)) {
      reasons.push(`the authority does not offer ${type}`);
      continue;
    }
    const can = await presenters
      .find((presenter) => presenter.type === type)
      ?.can(namespace, of.name, signal);
    if (can?.ok === true) return { type };
    reasons.push(`${type}: ${can?.why ?? 'nobody presents it'}`);
  }
  return { why: reasons.join('; ') || `${wish} cannot prove ${of.wildcard ? 'a wildcard' : 'it'}` };
}
