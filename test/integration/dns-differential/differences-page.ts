import { DIFFERENCES, type KnownDifference } from './known-differences.ts';
import { SIGNED_DIFFERENCES } from './signed-differences.ts';

const WHO: Readonly<Record<KnownDifference['who'], string>> = { knot: 'Knot', bind: 'BIND', both: 'both' };

/** `docs/dns-differences.md`: the tables of the differential runs, for people. */
export function differencesPage(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rowsOf = (table: readonly KnownDifference[]): string =>
    table
      .map(
        ({ id, who, what, why, rfc }) =>
          `| ${[`\`${id}\``, WHO[who], what, why, rfc].map(cell).join(' | ')} |`,
      )
      .join('\n');
  return `# Where our answers differ from Knot and BIND

The name server is tested beside Knot DNS and BIND: zones made from seeds are loaded into all three, the same queries go to each
over UDP and TCP, and the answers are compared in every part: response code, each flag, the question, the answer with the order
of its aliases, authority, additional, EDNS. Sections are compared as sets, names without regard to case (RFC 4343).

The zones have delegations with every kind of glue, wildcards at several depths, empty non-terminals, aliases that end in every
way or go round, record sets that do not fit a datagram, names with odd octets, and a zone below another on the same server.
The queries ask for every name and names beside, above and below it, with all kinds of types, classes, EDNS sizes and flags.

Every difference that was found is in this table. The test fails on one that is not, and on a row that no query needs any more.

| Row | Differs from | What differs | Why ours stays | Rule |
|---|---|---|---|---|
${rowsOf(DIFFERENCES)}

## Signed zones

The same zones, signed: ours online, Knot's by Knot (NSEC), BIND's by \`dnssec-signzone\` (NSEC), all with ECDSA P-256. The same
names and types are asked for, nine of ten with DO, all over TCP: signed answers differ in size, and so in what fits a datagram.
Compared are the content as above, for every set that both have whether and how it is signed (algorithm, labels, TTLs, signer), and
what denies. Keys and signatures themselves are each server's own; that ours are valid is shown by validating resolvers.
A row that lets another denial pass checks that it denies the same. The rows above explain what they explain here too; BIND runs with
\`minimal-responses yes\`.

| Row | Differs from | What differs | Why ours stays | Rule |
|---|---|---|---|---|
${rowsOf(SIGNED_DIFFERENCES)}

To run it: \`npx vitest run --project integration test/integration/dns-differential\`. With \`PORTOLAN_DIFFERENTIAL_WORLDS=100\`
(signed: \`PORTOLAN_DIFFERENTIAL_SIGNED_WORLDS=20\`) it makes that many worlds of zones instead of a few, and
\`PORTOLAN_DIFFERENTIAL_SEED=1000\` begins with another seed; \`npm test -- --long\` makes many. It was made with Knot 3.2 and BIND 9.18 (Debian 12); other versions may differ in other ways.
`;
}
