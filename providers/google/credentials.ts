import { posix } from 'node:path';
import { z } from 'zod';
import { type OutboundGuard, ProviderError } from '../contract.ts';

const httpsUrl = z.url({ protocol: /^https?$/ });

const serviceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: httpsUrl.optional(),
  universe_domain: z.string().optional(),
});

const tokenFormat = z.union([
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json'), subject_token_field_name: z.string().min(1) }),
]);

/** Workload identity federation: https://google.aip.dev/auth/4117. */
const externalAccount = z.object({
  type: z.literal('external_account'),
  audience: z.string().min(1),
  subject_token_type: z.string().min(1),
  token_url: httpsUrl,
  service_account_impersonation_url: httpsUrl.optional(),
  universe_domain: z.string().optional(),
  // Strict: a program to run (`executable`), AWS metadata (`environment_id`) and certificates would be ways into the hub's machine.
  credential_source: z.union([
    z.strictObject({
      file: z.string(),
      format: tokenFormat.optional(),
    }),
    z.strictObject({
      url: httpsUrl,
      headers: z.record(z.string(), z.string()).optional(),
      format: tokenFormat.optional(),
    }),
  ]),
});

const credentials = z.discriminatedUnion('type', [serviceAccount, externalAccount]);
export type GoogleCredentials = z.output<typeof credentials>;

/** Where Kubernetes and others put a token that a workload is meant to read. */
const TOKEN_FOLDERS = ['/var/run/secrets/', '/run/secrets/'];
const FIX =
  'Write the key file of a service account, or a configuration of workload identity federation whose source is a file below /var/run/secrets or a URL, into `credentials.json` of the Secret.';

/**
 * Judges credentials before anything acts on them: whoever may write a Secret must not be able to have the hub read its own files, run a
 * program, or connect to where it must not (I32).
 * @throws ProviderError `denied`
 * @throws PortolanError ADDRESS_FORBIDDEN
 */
export function parseCredentials(text: string, guard: OutboundGuard): GoogleCredentials {
  const parsed = credentials.safeParse(jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`;
    throw refused(`credentials.json is not a Google credential that can be used here${where}`);
  }
  for (const url of urlsOf(parsed.data)) guard.check(new URL(url).hostname);
  if (parsed.data.type === 'external_account') checkSource(parsed.data);
  return parsed.data;
}

function checkSource({ credential_source: source, token_url }: z.output<typeof externalAccount>): void {
  if (!('file' in source)) return;
  const path = posix.normalize(source.file);
  if (!TOKEN_FOLDERS.some((folder) => path.startsWith(folder)))
    throw refused(`credentials.json names the file ${source.file}, which is not below /var/run/secrets`);
  // A token of the hub's own must not be sent to whomever the Secret names.
  const { protocol, hostname } = new URL(token_url);
  if (protocol !== 'https:' || !/^sts(\.[a-z0-9-]+)*\.googleapis\.com$/.test(hostname))
    throw refused(
      `credentials.json would send the token of a file to ${hostname}, which is not Google's token service`,
    );
}

function urlsOf(found: GoogleCredentials): readonly string[] {
  const urls =
    found.type === 'service_account'
      ? [found.token_uri]
      : [
          found.token_url,
          found.service_account_impersonation_url,
          'url' in found.credential_source ? found.credential_source.url : undefined,
        ];
  return urls.filter((url) => url !== undefined);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not the parser's message: it quotes the text, which is a secret.
    throw refused('credentials.json is not JSON');
  }
}

function refused(message: string): ProviderError {
  return new ProviderError('denied', message, { fix: FIX });
}
