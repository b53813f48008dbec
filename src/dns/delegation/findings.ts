/** What a delegation check looks at, in this order. */
export const TOPICS = [
  'parent',
  'names',
  'glue',
  'servers',
  'serial',
  'edns',
  'recursion',
  'dnssec',
  'hub',
] as const;
export type Topic = (typeof TOPICS)[number];

interface FindingKind {
  readonly topic: Topic;
  /** An error makes the check fail; a warning is to be known. */
  readonly severity: 'error' | 'warning';
  readonly meaning: string;
}

const kind = (topic: Topic, severity: FindingKind['severity'], meaning: string): FindingKind => ({
  topic,
  severity,
  meaning,
});

/** Every code a check of a delegation may give. A code is never renamed. */
export const FINDING_KINDS = {
  PARENT_UNKNOWN: kind('parent', 'error', 'The servers of the zone above cannot be found.'),
  DNS_INTERCEPTED: kind('parent', 'error', 'A resolver answers in the place of the servers that are asked.'),
  PARENT_SILENT: kind('parent', 'warning', 'A server of the zone above does not answer.'),
  NOT_DELEGATED: kind('parent', 'error', 'The zone above has no NS records for the zone.'),
  PARENTS_DIFFER: kind('parent', 'warning', 'Servers of the zone above give different name servers.'),
  NS_NOT_AT_PARENT: kind('names', 'error', 'A name server of the zone is not named by the zone above.'),
  NS_ONLY_AT_PARENT: kind('names', 'error', 'The zone above names a server that the zone does not name.'),
  NS_SETS_DIFFER: kind('names', 'error', 'Servers of the zone give different NS records.'),
  NS_UNRESOLVED: kind('names', 'error', 'A name server has no address.'),
  FEW_SERVERS: kind('names', 'warning', 'The zone has a single name server or a single address.'),
  GLUE_MISSING: kind('glue', 'error', 'The zone above has no address of a name server inside the zone.'),
  GLUE_DIFFERS: kind('glue', 'error', 'The zone above has other addresses of a name server than the zone.'),
  SERVER_SILENT: kind('servers', 'error', 'A name server answers neither over UDP nor over TCP.'),
  UDP_BLOCKED: kind('servers', 'error', 'A name server does not answer over UDP.'),
  TCP_BLOCKED: kind('servers', 'error', 'A name server does not answer over TCP.'),
  SERVER_LAME: kind('servers', 'error', 'A name server does not answer for the zone with authority.'),
  SERVER_NOT_CHECKED: kind(
    'servers',
    'warning',
    'This machine cannot reach an address, such as one of IPv6.',
  ),
  SERIAL_DIFFERS: kind('serial', 'error', 'A name server has an older zone than another.'),
  SERIAL_BEHIND_HUB: kind('serial', 'error', 'A name server has an older zone than the hub.'),
  EDNS_MISSING: kind('edns', 'warning', 'A name server does not speak EDNS.'),
  EDNS_VERSION: kind(
    'edns',
    'warning',
    'A name server does not refuse an unknown EDNS version with BADVERS.',
  ),
  ANSWER_TOO_BIG: kind('edns', 'warning', 'A UDP answer is larger than the 1232 octets that were allowed.'),
  COOKIE_WRONG: kind('edns', 'error', 'A name server returns a cookie that is not the client’s.'),
  OPEN_RECURSION: kind('recursion', 'error', 'A name server resolves names of others for anybody.'),
  DS_MISSING: kind('dnssec', 'warning', 'The zone is signed, but the zone above has no DS record for it.'),
  DS_WITHOUT_KEYS: kind('dnssec', 'error', 'The zone above has DS records, but the zone is not signed.'),
  DS_UNMATCHED: kind('dnssec', 'error', 'No DS record of the zone above fits a key of the zone.'),
  DS_STALE: kind('dnssec', 'warning', 'A DS record of the zone above fits no key of the zone.'),
  KEYS_DIFFER: kind('dnssec', 'error', 'Name servers give different DNSKEY records.'),
  SIGNATURE_INVALID: kind('dnssec', 'error', 'A signature is missing, wrong or out of its time.'),
  SIGNATURE_EXPIRING: kind('dnssec', 'warning', 'A signature ends soon.'),
  ALGORITHM_UNCHECKED: kind('dnssec', 'warning', 'Keys of this algorithm are not checked.'),
  NOT_SIGNED_YET: kind('dnssec', 'error', 'The hub says the zone is signed, but its servers give no keys.'),
  SERVER_BEHIND: kind('hub', 'error', 'The hub knows of a name server that is not up to date.'),
} as const satisfies Record<string, FindingKind>;

export type FindingCode = keyof typeof FINDING_KINDS;

/** One thing that is wrong, or to be known. */
export interface Finding {
  readonly code: FindingCode;
  readonly topic: Topic;
  readonly severity: 'error' | 'warning';
  /** What was seen, with names and addresses. */
  readonly what: string;
  /** Why it matters or where it comes from. */
  readonly cause: string;
  /** What to type or change. */
  readonly fix: string;
}

export function finding(code: FindingCode, what: string, cause: string, fix: string): Finding {
  const { topic, severity } = FINDING_KINDS[code];
  return { code, topic, severity, what, cause, fix };
}
