import { ProviderError, type ProviderFailure } from '../../providers/contract.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { ErrorCode } from '../../src/errors/table.ts';

const CODES: Readonly<Record<ProviderFailure, ErrorCode>> = {
  throttled: 'PROVIDER_UNAVAILABLE',
  busy: 'PROVIDER_UNAVAILABLE',
  transient: 'PROVIDER_UNAVAILABLE',
  ambiguous: 'PROVIDER_UNAVAILABLE',
  conflict: 'PROVIDER_UNAVAILABLE',
  invalid: 'PROVIDER_REFUSED',
  denied: 'PROVIDER_DENIED',
  gone: 'PROVIDER_ZONE_MISSING',
  unsupported: 'PROVIDER_UNSUPPORTED',
};

/** What a provider's failure is called towards people. Anything else that was thrown counts as the provider being away. */
export function asPortolanError(thrown: unknown): PortolanError {
  if (thrown instanceof PortolanError) return thrown;
  if (thrown instanceof ProviderError)
    return new PortolanError(CODES[thrown.failure], thrown.message, {
      cause: thrown.cause,
      ...(thrown.fix === undefined ? {} : { fix: thrown.fix }),
    });
  return new PortolanError('PROVIDER_UNAVAILABLE', messageOf(thrown), { cause: thrown });
}

/** The provider's own failure in what was thrown, if there is one. */
export function providerFailureOf(thrown: unknown): ProviderError | undefined {
  if (thrown instanceof ProviderError) return thrown;
  return thrown instanceof PortolanError && thrown.cause instanceof ProviderError ? thrown.cause : undefined;
}
