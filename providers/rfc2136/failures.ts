import { TSIG_ERROR } from '../../src/dns/tsig.ts';
import type { TsigKey } from '../../src/dns/tsig-key.ts';
import { RCODE, rcodeName } from '../../src/dns/types.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { ProviderError } from '../contract.ts';
import type { Answer } from './exchange.ts';

/** What a failure is about, for messages and for what a person types. */
export interface Asked {
  /** `UPDATE`, `AXFR`, `NS`. */
  readonly what: string;
  /** Without the dot at the end. */
  readonly zone: string;
  readonly server: string;
  readonly key: TsigKey;
  /** Ours, in seconds since 1970. */
  readonly nowSeconds: number;
}

/** What to write into the server's configuration so that the key may do its work. */
export function configuration({ zone, key }: Pick<Asked, 'zone' | 'key'>): string {
  const name = key.name.slice(0, -1);
  return [
    `BIND, in zone "${zone}": update-policy { grant ${name} zonesub ANY; }; allow-transfer { key "${name}"; };`,
    `Knot: acl: [{ id: portolan, key: ${name}, action: [update, transfer] }], and in zone ${zone}: acl: portolan`,
  ].join('\n');
}

/**
 * Why an answer is no success (RFC 2136 section 3.8, RFC 8945 section 5.3); `undefined` for NOERROR.
 */
export function failureOf(answer: Answer, asked: Asked): ProviderError | undefined {
  const { message, tsig, trusted } = answer;
  const { server, zone, what } = asked;
  if (tsig !== undefined) return signatureFailure(tsig, asked);
  const said = `${server} answered ${rcodeName(message.rcode)} to ${what} ${zone}`;
  // Whoever sits in between could have written it: nothing is known of what happened, but for what refuses everybody.
  if (!trusted && message.rcode !== RCODE.REFUSED && message.rcode !== RCODE.NOTAUTH)
    return new ProviderError(
      'ambiguous',
      `${said}, but the answer is not signed by the key ${asked.key.name}`,
      { fix: `See that the server has the key ${asked.key.name} with the same secret.` },
    );
  switch (message.rcode) {
    case RCODE.NOERROR:
      return undefined;
    case RCODE.NXDOMAIN:
    case RCODE.YXDOMAIN:
    case RCODE.YXRRSET:
    case RCODE.NXRRSET:
      return new ProviderError('conflict', `${said}: something in the zone is not as it was read`);
    case RCODE.REFUSED:
      return new ProviderError('denied', `${said}: the key ${asked.key.name} may not do this`, {
        fix: `Let the key do it.\n${configuration(asked)}`,
      });
    case RCODE.NOTAUTH:
      return new ProviderError(
        'gone',
        `${said}: it is not a primary server of the zone, or not for this key`,
        {
          fix: `Name the primary server of ${zone} in spec.rfc2136.server, or create the zone there.`,
        },
      );
    case RCODE.NOTZONE:
      return new ProviderError('invalid', `${said}: a name lies outside of the zone`);
    case RCODE.FORMERR:
      return new ProviderError('invalid', `${said}: it cannot take a record of the message`);
    case RCODE.NOTIMP:
      return new ProviderError('unsupported', `${said}: it does not take dynamic updates`, {
        fix: `Let the server take updates of the zone.\n${configuration(asked)}`,
      });
    default:
      // SERVFAIL: the server says that it changed nothing, but one that forwards to the primary cannot know (section 6).
      return new ProviderError('ambiguous', said);
  }
}

function signatureFailure(
  { error, serverSeconds }: NonNullable<Answer['tsig']>,
  asked: Asked,
): ProviderError {
  const { server, key, nowSeconds } = asked;
  const name = key.name.slice(0, -1);
  switch (error) {
    case TSIG_ERROR.BADKEY:
      // Knot says so, too, of a key that no ACL of the zone names.
      return new ProviderError(
        'denied',
        `${asked.server} does not know the key ${name} (${key.algorithm}), or has no use for it in ${asked.zone}`,
        {
          fix: `Give the server the key ${name} with algorithm ${key.algorithm}, or correct \`name\` and \`algorithm\` in the Secret; and let it update and copy the zone.\n${configuration(asked)}`,
        },
      );
    case TSIG_ERROR.BADSIG:
      return new ProviderError('denied', `${server} has another secret for the key ${name}`, {
        fix: 'Correct `secret` in the Secret: the base64 text as the server has it.',
      });
    case TSIG_ERROR.BADTIME: {
      const delta = serverSeconds === undefined ? undefined : nowSeconds - serverSeconds;
      const clock =
        delta === undefined
          ? 'is too far from its own'
          : `is ${Math.abs(delta)} s ${delta > 0 ? 'ahead of' : 'behind'} its own`;
      return new ProviderError('denied', `${server} refuses our signature: our clock ${clock}`, {
        fix: 'Set the clocks of both machines (NTP); they may differ by 300 s.',
      });
    }
    default:
      return new ProviderError('denied', `${server} refuses our signature with TSIG error ${error}`);
  }
}

/** What a zone transfer's failure is to the hub. Reading changes nothing, so whatever may pass is `transient`. */
export function transferFailure(thrown: unknown, asked: Asked): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  const error = PortolanError.from(thrown);
  const details = { cause: error };
  switch (error.code) {
    case 'TRANSFER_REFUSED':
      return new ProviderError('denied', error.message, {
        ...details,
        fix: `Let the key copy the zone.\n${configuration(asked)}`,
      });
    case 'TSIG_REJECTED':
      return new ProviderError('denied', error.message, {
        ...details,
        fix: `${error.fix} The key has to be one that may copy the zone.\n${configuration(asked)}`,
      });
    case 'ADDRESS_FORBIDDEN':
      return ProviderError.from('denied', error);
    case 'TRANSFER_TOO_BIG':
      return ProviderError.from('unsupported', error);
    default:
      return new ProviderError('transient', error.message, details);
  }
}
