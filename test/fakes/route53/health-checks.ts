import { isDeepStrictEqual } from 'node:util';
import { InvalidInput, Refused } from './refused.ts';
import type { Content, Element } from './xml.ts';

/** A health check as it is stored; `config` by element name. */
export interface StoredCheck {
  readonly id: string;
  readonly callerReference: string;
  readonly config: Readonly<Record<string, string>>;
  readonly createdMs: number;
  readonly tags: Map<string, string>;
  up: boolean;
}

const TYPES: readonly string[] = ['HTTP', 'HTTPS', 'HTTP_STR_MATCH', 'HTTPS_STR_MATCH', 'TCP'];
const MEMBERS: readonly string[] = [
  'IPAddress',
  'Port',
  'Type',
  'ResourcePath',
  'FullyQualifiedDomainName',
  'SearchString',
  'RequestInterval',
  'FailureThreshold',
  'MeasureLatency',
  'Inverted',
  'Disabled',
  'EnableSNI',
];

/** Health checks of an account, after API_HealthCheckConfig and API_CreateHealthCheck. */
export class HealthChecks {
  readonly #checks = new Map<string, StoredCheck>();
  readonly #deleted = new Set<string>();
  #next = 1;
  /** "Health checks: 200 active health checks per account" by default. */
  limit = 200;

  all(): readonly StoredCheck[] {
    return [...this.#checks.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: string): StoredCheck | undefined {
    return this.#checks.get(id);
  }

  /** @throws Refused */
  create(callerReference: string, config: Readonly<Record<string, string>>): StoredCheck {
    if (callerReference === '' || callerReference.length > 64)
      throw new InvalidInput('CallerReference must have 1 to 64 characters');
    const same = this.all().find((check) => check.callerReference === callerReference);
    // "If you send a request with the same CallerReference and settings as a previous request, Amazon Route 53 returns the settings for the existing health check."
    if (same !== undefined) {
      if (isDeepStrictEqual(same.config, config)) return same;
      throw new Refused(409, 'HealthCheckAlreadyExists', [
        'A health check with this caller reference and other settings exists',
      ]);
    }
    // "If you send a request with the same CallerReference as a deleted health check, regardless of the settings": the same error.
    if (this.#deleted.has(callerReference))
      throw new Refused(409, 'HealthCheckAlreadyExists', [
        'A health check with this caller reference was deleted',
      ]);
    validate(config);
    if (this.#checks.size >= this.limit)
      throw new Refused(400, 'TooManyHealthChecks', [
        'This health check cannot be created: the limit is reached',
      ]);
    const id = `00000000-0000-4000-8000-${String(this.#next).padStart(12, '0')}`;
    this.#next += 1;
    const check = {
      id,
      callerReference,
      config,
      createdMs: Date.now(),
      tags: new Map<string, string>(),
      up: true,
    };
    this.#checks.set(id, check);
    return check;
  }

  remove(id: string): void {
    const check = this.#checks.get(id);
    if (check === undefined) throw noSuch(id);
    this.#checks.delete(id);
    this.#deleted.add(check.callerReference);
  }
}

export function noSuch(id: string): Refused {
  return new Refused(404, 'NoSuchHealthCheck', [`A health check with id ${id} does not exist.`]);
}

export function readConfig(element: Element | undefined): Readonly<Record<string, string>> {
  const config: Record<string, string> = {};
  for (const child of element?.children ?? []) {
    if (!MEMBERS.includes(child.name)) throw invalid(`unexpected element ${child.name}`);
    config[child.name] = child.text;
  }
  return config;
}

export function writeCheck(check: StoredCheck): Content {
  return {
    Id: check.id,
    CallerReference: check.callerReference,
    HealthCheckConfig: check.config,
    HealthCheckVersion: 1,
  };
}

function invalid(message: string): Refused {
  return new InvalidInput(message);
}

function validate(config: Readonly<Record<string, string>>): void {
  const { Type: type = '', IPAddress: address, FullyQualifiedDomainName: host } = config;
  if (!TYPES.includes(type)) throw invalid(`type ${type} is not known`);
  if (address === undefined && host === undefined)
    throw invalid('IPAddress or FullyQualifiedDomainName is required');
  if (address !== undefined && isLocal(address))
    // "Constraints: Route 53 can't check the health of endpoints for which the IP address is in local, private, non-routable, or multicast ranges."
    throw invalid(`${address} is in a private, local or non-routable range`);
  inRange(config.Port, 1, 65_535, 'Port');
  if (type === 'TCP' && config.Port === undefined) throw invalid('Port is required for TCP');
  if (config.RequestInterval !== undefined && !['10', '30'].includes(config.RequestInterval))
    throw invalid('RequestInterval must be 10 or 30');
  inRange(config.FailureThreshold, 1, 10, 'FailureThreshold');
  if ((config.ResourcePath?.length ?? 0) > 255)
    throw invalid('ResourcePath must have at most 255 characters');
  if ((host?.length ?? 0) > 255) throw invalid('FullyQualifiedDomainName must have at most 255 characters');
  const matches = type.endsWith('_STR_MATCH');
  if (matches !== (config.SearchString !== undefined)) throw invalid('SearchString goes with STR_MATCH');
  if ((config.SearchString?.length ?? 1) > 255 || config.SearchString === '')
    throw invalid('SearchString must have 1 to 255 characters');
  if (type === 'TCP' && config.ResourcePath !== undefined) throw invalid('ResourcePath does not go with TCP');
  if (config.EnableSNI !== undefined && !type.startsWith('HTTPS')) throw invalid('EnableSNI goes with HTTPS');
  if (config.EnableSNI === 'true' && host === undefined)
    throw invalid('EnableSNI needs FullyQualifiedDomainName');
}

function inRange(text: string | undefined, least: number, most: number, name: string): void {
  if (text === undefined) return;
  if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most)
    throw invalid(`${name} must be ${least} to ${most}`);
}

/** Not the ranges for documentation: those stand for real ones in tests. */
function isLocal(address: string): boolean {
  return /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|0\.|22[4-9]\.|23\d\.|::1$|f[cd]|fe80)/i.test(
    address,
  );
}
