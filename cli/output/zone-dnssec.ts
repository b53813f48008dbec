import type { ZoneDnssecStatus } from '../../src/resources/zone-dnssec-status.ts';

/** Key tag, algorithm, digest type and digest one by one: registrars have a field for each. */
export function dnssecLines(origin: string, status: ZoneDnssecStatus): readonly string[] {
  return [
    `${origin} is ${status.state} since ${status.since}`,
    ...(status.waitsFor === undefined ? [] : [`waits for: ${status.waitsFor}`]),
    ...(status.signaturesExpire === undefined
      ? []
      : [`signatures over the keys last until ${status.signaturesExpire}, should the hub be away`]),
    ...(status.parent === undefined
      ? []
      : [`the parent at ${status.parentSeenAt ?? 'some time'}: ${status.parent}`]),
    '',
    ...status.keys.flatMap((key) => [
      `key ${key.keyTag} (${key.role.toUpperCase()}): ${key.state} since ${key.since}`,
      ...(key.next === undefined ? [] : [`  next: ${key.next}`]),
      ...(key.waitsFor === undefined ? [] : [`  waits for: ${key.waitsFor}`]),
    ]),
    '',
    ...(status.ds.length === 0
      ? [
          status.state === 'unsigning' || status.state === 'unsigned'
            ? 'the parent shall have no DS'
            : 'no DS yet: the parent must not have one before every name server signs',
        ]
      : ['what the parent shall have:']),
    ...status.ds.flatMap((ds) => [
      `  key tag      ${ds.keyTag}`,
      `  algorithm    ${ds.algorithm} (ECDSA P-256 with SHA-256)`,
      `  digest type  ${ds.digestType} (SHA-256)`,
      `  digest       ${ds.digest}`,
      `  ${origin} IN DS ${ds.keyTag} ${ds.algorithm} ${ds.digestType} ${ds.digest}`,
    ]),
    ...status.dnskey.map((dnskey) => `  ${origin} IN DNSKEY ${dnskey}`),
  ];
}
