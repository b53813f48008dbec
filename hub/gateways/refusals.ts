import { isIP } from 'node:net';
import { PortolanError } from '../../src/errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../../src/errors/table.ts';
import { checkAddress } from '../../src/health/address-policy.ts';
import type { Unplaced } from '../reconcile/references.ts';

/** An address written as one is judged at once; a name is judged where it is looked up. */
export function forbidden(path: string, host: string, allowedRanges: readonly string[]): readonly Unplaced[] {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const hit = isIP(address) === 0 ? undefined : checkAddress(address, allowedRanges);
  return hit === undefined
    ? []
    : [
        {
          path,
          code: 'ADDRESS_FORBIDDEN',
          message: `${address} lies in ${hit.range}: ${hit.why}`,
          fix: "Use another address, or have the operator allow the range in `network.allowedRanges` of the hub's and the agent's configuration.",
        },
      ];
}

/** Runs a check that throws; what it throws is what is wrong at `path`. */
export function refusedBy(path: string, check: () => unknown): readonly Unplaced[] {
  try {
    check();
    return [];
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    return [{ path, code: error.code, message: error.message, fix: error.fix }];
  }
}

export function gatewayViolation(
  path: string,
  code: ErrorCode,
  message: string,
  fix: string = ERROR_TABLE[code].fix,
): Unplaced {
  return { path, code, message, fix };
}
