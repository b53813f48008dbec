import { isIP } from 'node:net';
import { z } from 'zod';
import { parseRcode, parseType } from '../src/dns/types.ts';
import { cidr } from '../src/resources/fields.ts';

/** The most that crosses every path unfragmented (DNS flag day 2020): answers to whom we cannot tell from a forger. */
const SAFE_UDP_OCTETS = 1232;
const FIRST_DNS_OVER_TLS_PORT = 853;
/** Of a character-string (RFC 1035 section 3.3). */
const MAX_STRING_OCTETS = 255;

const filePath = z.string().min(1).max(4096);
const perSecond = z.number().int().min(0).max(100_000);

/** `127.0.0.1:853`, `[::1]:853`; the port may be left out. */
const tlsListen = z.string().transform((text, context): { readonly host: string; readonly port: number } => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] === undefined ? FIRST_DNS_OVER_TLS_PORT : Number(match[3]);
  if (isIP(host) !== 0 && port <= 65_535) return { host, port };
  context.addIssue({
    code: 'custom',
    message: `${JSON.stringify(text)} is no address with a port`,
    params: { fix: 'Write address:port, such as 192.0.2.1:853 or [::1]:853.' },
  });
  return z.NEVER;
});

const cookies = z
  .strictObject({
    enabled: z.boolean().default(true).describe('DNS cookies (RFC 7873, RFC 9018).'),
    secretFile: filePath
      .optional()
      .describe(
        'One or two lines of 32 hexadecimal digits: the secret in use, then another that is still accepted. For servers that share an address; each process makes its own when left out. Read again when it changes.',
      ),
    require: z
      .boolean()
      .default(false)
      .describe(
        'Answer BADCOOKIE to UDP queries with a client cookie but no valid server cookie, so that nothing but the cookie goes to a forged address.',
      ),
  })
  .prefault({});

const rateLimit = z
  .strictObject({
    mode: z
      .enum(['on', 'log', 'off'])
      .default('on')
      .describe('`log`: count and log what would be limited, and answer all the same.'),
    answersPerSecond: perSecond
      .default(1000)
      .describe(
        'Answers to one network for one name; larger answers count more than once. 0: without limit, here and below.',
      ),
    negativePerSecond: perSecond
      .default(200)
      .describe('NXDOMAIN to one network in one zone; answers without data for one name.'),
    referralsPerSecond: perSecond.default(200).describe('Referrals to one network to one delegated zone.'),
    errorsPerSecond: perSecond
      .default(100)
      .describe('REFUSED, FORMERR, NOTIMP, SERVFAIL, BADVERS, BADCOOKIE to one network.'),
    anyPerSecond: perSecond.default(20).describe('Answers to queries of type ANY to one network.'),
    totalPerSecond: perSecond
      .default(50_000)
      .describe('Answers of every kind to one network, names taken together.'),
    windowSeconds: z
      .number()
      .int()
      .min(1)
      .max(60)
      .default(5)
      .describe('How long a network that goes on above a limit is limited after it stops, at most.'),
    slip: z
      .number()
      .int()
      .min(0)
      .max(10)
      .default(2)
      .describe(
        'Of the limited answers, each how-manieth is sent truncated, so that a real client asks over TCP; 0: none, 1: all.',
      ),
    ipv4PrefixLength: z.number().int().min(8).max(32).default(24).describe('What one network is in IPv4.'),
    ipv6PrefixLength: z.number().int().min(16).max(64).default(56).describe('What one network is in IPv6.'),
    exempt: z
      .array(cidr)
      .max(100)
      .default(['127.0.0.0/8', '::1/128'])
      .describe('Never limited. A list here replaces the default, the loopback addresses.'),
    tableEntries: z
      .number()
      .int()
      .min(1024)
      .max(16_777_216)
      .default(65_536)
      .describe('Flows that are counted at one time, 12 octets each; rounded up to a power of two.'),
  })
  .prefault({});

const known = (parse: (text: string) => number | undefined, what: string, fix: string) =>
  z.string().superRefine((text, context) => {
    if (parse(text) !== undefined) return;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is no ${what}`, params: { fix } });
  });

const queryLog = z
  .strictObject({
    file: filePath.optional().describe('Appended to. This or `socket`.'),
    socket: filePath
      .optional()
      .describe('A Unix socket that somebody listens on; while nobody does, records are dropped.'),
    format: z
      .enum(['json', 'dnstap'])
      .default('json')
      .describe('`json`: one object a line. `dnstap`: Frame Streams with AUTH_QUERY and AUTH_RESPONSE.'),
    sample: z.number().gt(0).max(1).default(1).describe('Share of the queries that is logged.'),
    only: z
      .strictObject({
        rcodes: z
          .array(known(parseRcode, 'response code', 'Write a name such as NXDOMAIN or SERVFAIL.'))
          .min(1)
          .max(50)
          .optional()
          .describe('Response codes, such as NXDOMAIN; all when left out.'),
        types: z
          .array(known(parseType, 'record type', 'Write a name such as AAAA, or TYPE65280.'))
          .min(1)
          .max(50)
          .optional()
          .describe('Query types, such as AAAA; all when left out.'),
      })
      .prefault({}),
    clientPrefix: z
      .strictObject({
        ipv4: z.number().int().min(0).max(32).default(32),
        ipv6: z.number().int().min(0).max(128).default(128),
      })
      .prefault({})
      .describe(
        'Bits of the client address, and of a client subnet in the query, that are logged; the rest is zero. For privacy: 24 and 48.',
      ),
    rotate: z
      .strictObject({
        maxMegabytes: z.number().min(0.001).max(100_000).default(100),
        keep: z.number().int().min(0).max(100).default(5),
      })
      .prefault({})
      .describe(
        'A file that has grown to this size becomes FILE.1, that FILE.2 and so on; `keep` of them stay. SIGHUP opens the file anew.',
      ),
  })
  .superRefine(({ file, socket }, context) => {
    if ((file === undefined) !== (socket === undefined)) return;
    context.addIssue({
      code: 'custom',
      message: 'needs either `file` or `socket`',
      params: { fix: 'Name one of them.' },
    });
  });

/**
 * How a name server answers, in the hub and in every agent: `dns:` of both configuration files holds these fields beside `listen`.
 */
export const nameServerSettings = z.strictObject({
  workers: z
    .number()
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe(
      'Threads that answer, sharing the ports (SO_REUSEPORT, Linux). 0: the process answers in its own thread, which is enough for some 100,000 queries a second.',
    ),
  queryLog: queryLog.optional().describe('A record of each query and its answer; none when left out.'),
  nsid: z
    .string()
    .min(1)
    .max(128)
    .superRefine((text, context) => {
      if (Buffer.byteLength(text) <= MAX_STRING_OCTETS) return;
      context.addIssue({
        code: 'custom',
        message: `the name has ${Buffer.byteLength(text)} octets; a TXT record holds ${MAX_STRING_OCTETS}`,
        params: { fix: 'Choose a shorter one.' },
      });
    })
    .optional()
    .describe(
      'The name of this server in answers to NSID (RFC 5001) and to `id.server CH TXT`; none when left out.',
    ),
  udpOctets: z
    .number()
    .int()
    .min(512)
    .max(SAFE_UDP_OCTETS)
    .default(SAFE_UDP_OCTETS)
    .describe('The most a UDP answer has.'),
  udpOctetsWithCookie: z
    .number()
    .int()
    .min(512)
    .max(4096)
    .default(1400)
    .describe(
      'The same for a client whose address a cookie has proved. More than a path carries in one packet gets fragmented, and many paths lose fragments.',
    ),
  extendedErrors: z
    .boolean()
    .default(true)
    .describe('Say why in an extended DNS error (RFC 8914), as a number without text.'),
  cookies,
  rateLimit,
  tls: z
    .strictObject({
      listen: z.array(tlsListen).min(1).max(16),
      certFile: filePath,
      keyFile: filePath,
    })
    .optional()
    .describe('DNS over TLS (RFC 7858); none when left out. The files are read again when they change.'),
});

export type NameServerSettings = z.output<typeof nameServerSettings>;
export type QueryLogSettings = NonNullable<NameServerSettings['queryLog']>;
export type CookieSettings = NameServerSettings['cookies'];
export type RateLimitSettings = NameServerSettings['rateLimit'];

/** The same settings with every file name made absolute. */
export function withAbsoluteFiles<T extends Pick<NameServerSettings, 'cookies' | 'tls' | 'queryLog'>>(
  settings: T,
  absolute: (path: string) => string,
): T {
  const { cookies, tls, queryLog } = settings;
  const { file, socket } = queryLog ?? {};
  return {
    ...settings,
    cookies:
      cookies.secretFile === undefined ? cookies : { ...cookies, secretFile: absolute(cookies.secretFile) },
    ...(queryLog === undefined
      ? {}
      : {
          queryLog: {
            ...queryLog,
            ...(file === undefined ? {} : { file: absolute(file) }),
            ...(socket === undefined ? {} : { socket: absolute(socket) }),
          },
        }),
    ...(tls === undefined
      ? {}
      : { tls: { ...tls, certFile: absolute(tls.certFile), keyFile: absolute(tls.keyFile) } }),
  };
}
