import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import {
  decodeSvcParams,
  encodeSvcParams,
  formatSvcParams,
  parseSvcParams,
  type SvcParam,
} from './svc-params.ts';

/** How to reach a service (RFC 9460). HTTPS has the same form with another number. */
export interface ServiceBinding<T extends 'SVCB' | 'HTTPS'> {
  readonly type: T;
  /** 0 is AliasMode: the target stands for the owner and there are no parameters. */
  readonly priority: number;
  /** `.` is the owner itself in ServiceMode, "no service" in AliasMode. */
  readonly target: DomainName;
  /** In ascending order of key, each once. */
  readonly params: readonly SvcParam[];
}

export type SvcbRdata = ServiceBinding<'SVCB'>;

/** The codec of both types. */
export function serviceBinding<T extends 'SVCB' | 'HTTPS'>(type: T): RecordType<ServiceBinding<T>> {
  return {
    code: TYPE[type],
    example: '1 . alpn="h2,h3" ipv4hint="192.0.2.1"',
    compresses: false,
    parse(fields) {
      const priority = fields.unsigned('the priority', 16);
      const target = fields.name('the target');
      const params = parseSvcParams(fields);
      if (priority === 0 && params.length > 0) fields.fail('priority 0 (AliasMode) takes no parameters');
      return { type, priority, target, params };
    },
    format: (r) => [r.priority, r.target, ...formatSvcParams(r.params)].join(' '),
    encode(rdata, writer) {
      writer.u16(rdata.priority);
      writer.plainName(rdata.target);
      encodeSvcParams(rdata.params, writer);
    },
    decode(reader) {
      const priority = reader.u16();
      const target = reader.name();
      const params = decodeSvcParams(reader);
      // RFC 9460 section 2.4.2: recipients ignore parameters in AliasMode.
      return { type, priority, target, params: priority === 0 ? [] : params };
    },
  };
}

export const SVCB = serviceBinding('SVCB');
