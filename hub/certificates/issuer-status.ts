import type { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { IssuerStatus } from '../../src/resources/issuer.ts';
import { type Condition, withCondition } from '../../src/resources/metadata.ts';

/** What is known of an Issuer. */
export type IssuerState =
  | { readonly is: 'unknown' }
  | { readonly is: 'internal' }
  | ({ readonly is: 'ready' } & Registered)
  | {
      readonly is: 'problem';
      readonly problem: PortolanError;
      /** As it was before. */
      readonly registered?: Registered;
    };

interface Registered {
  readonly account: string;
  readonly profiles: Readonly<Record<string, string>>;
}

/** Pure. @returns undefined: what is stored stays */
export function issuerStatus(
  resource: Resource<'Issuer'>,
  state: IssuerState | undefined,
  wallMs: number,
): IssuerStatus | undefined {
  const { generation } = resource.metadata;
  if (state === undefined) return undefined;
  if (state.is === 'unknown' && resource.status?.observedGeneration === generation) return undefined;
  const registered = state.is === 'ready' ? state : state.is === 'problem' ? state.registered : undefined;
  return {
    conditions: withCondition(
      resource.status?.conditions ?? [],
      { ...verdictOf(resource, state), type: 'Ready', observedGeneration: generation },
      new Date(wallMs).toISOString(),
    ),
    observedGeneration: generation,
    ...(registered === undefined ? {} : { account: registered.account }),
    ...(registered === undefined || Object.keys(registered.profiles).length === 0
      ? {}
      : { profiles: registered.profiles }),
  };
}

function verdictOf(
  resource: Resource<'Issuer'>,
  state: IssuerState,
): Pick<Condition, 'status' | 'reason' | 'message'> {
  switch (state.is) {
    case 'unknown':
      return { status: 'Unknown', reason: 'Checking', message: 'the CA has not been asked yet' };
    case 'internal':
      return {
        status: 'True',
        reason: 'Internal',
        message: "the hub's own CA, which no browser trusts: `portolan gateway ca` prints it",
      };
    case 'problem':
      return {
        status: 'False',
        reason: REASONS[state.problem.code] ?? 'Failed',
        message: `${state.problem.code}: ${state.problem.message}. ${state.problem.fix}`,
      };
    case 'ready': {
      const profile = resource.spec.acme?.profile;
      // With a directory that names none, orders say whether there is such a profile.
      const offered = Object.keys(state.profiles);
      if (profile !== undefined && offered.length > 0 && !offered.includes(profile))
        return {
          status: 'False',
          reason: 'ProfileUnknown',
          message: `the CA offers no profile ${profile}, but ${offered.join(', ')}: correct spec.acme.profile`,
        };
      return { status: 'True', reason: 'Registered', message: 'the CA knows our account' };
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ISSUER_UNAVAILABLE: 'Unavailable',
  ISSUER_REFUSED: 'Refused',
  ISSUER_RATE_LIMITED: 'RateLimited',
  ADDRESS_FORBIDDEN: 'AddressForbidden',
};
