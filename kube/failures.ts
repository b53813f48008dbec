import { z } from 'zod';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { denialFix, silentWebhookFix } from './admission.ts';
import type { KubeResource } from './contract.ts';

/** A request in the words of RBAC. */
export interface Asked {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  /** Undefined: a path that is no resource, in `name`. */
  readonly resource?: KubeResource;
  readonly subresource?: string;
  readonly namespace?: string | undefined;
  readonly name?: string;
  /** Of a list or watch: both are asked for. */
  readonly follows?: boolean;
}

const MESSAGE_CHARACTERS = 500;

/** `Status` of the API, as failures and ERROR events of a watch have it. */
export const statusShape = z.object({
  code: z.number().int().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .looseObject({ causes: z.array(z.looseObject({ reason: z.string().optional() })).optional() })
    .optional()
    .catch(undefined),
});

/** `list httproutes.gateway.networking.k8s.io shop/web`: what was asked for, never what was sent. */
export function describe({ verb, resource, subresource, namespace, name }: Asked): string {
  const what =
    resource === undefined
      ? undefined
      : `${resource.plural}${resource.group === '' ? '' : `.${resource.group}`}${subresource === undefined ? '' : `/${subresource}`}`;
  const where =
    namespace === undefined ? name : name === undefined ? `in ${namespace}` : `${namespace}/${name}`;
  return [verb, what, where].filter((part) => part !== undefined).join(' ');
}

/** A field that a built-in kind does not have is the client's mistake, though server-side apply answers 500. */
const BAD_PATCH = 'failed to create typed patch object';

/** `corev1.NamespaceTerminatingCause`. */
const NAMESPACE_TERMINATING = 'NamespaceTerminating';

/** What an answer that is no success means. */
export function refusalOf(asked: Asked, status: number, body: unknown): PortolanError {
  const read = statusShape.safeParse(body);
  const said = (read.success ? (read.data.message ?? '') : '').slice(0, MESSAGE_CHARACTERS);
  const message = `${describe(asked)}: ${status} ${said === '' ? 'without a reason' : said}`;
  const causes = read.success ? (read.data.details?.causes ?? []) : [];
  // It has the status of a right that is missing, but no right would help.
  if (status === 403 && causes.some(({ reason }) => reason === NAMESPACE_TERMINATING))
    return new PortolanError('KUBERNETES_REFUSED', message, {
      fix: 'Nothing is made in a namespace that is being deleted.',
    });
  const denied = denialFix(said);
  if (denied !== undefined) return new PortolanError('KUBERNETES_REFUSED', message, { fix: denied });
  if (status === 401 || status === 403)
    return new PortolanError('KUBERNETES_FORBIDDEN', message, {
      fix:
        status === 401
          ? 'The API server does not know this program: renew its credentials.'
          : missingRule(asked),
    });
  if (status === 409) return new PortolanError('KUBERNETES_CONFLICT', message);
  if (status === 410) return new PortolanError('KUBERNETES_GONE', message);
  // 408 is a server that ran out of time; 3xx is something in between that is no API server.
  const isAway = status === 408 || status === 429 || status < 400 || status >= 500;
  if (isAway && !said.startsWith(BAD_PATCH)) {
    const fix = silentWebhookFix(said);
    return new PortolanError('KUBERNETES_UNAVAILABLE', message, fix === undefined ? {} : { fix });
  }
  return new PortolanError('KUBERNETES_REFUSED', message, {
    fix:
      status === 404 && asked.namespace !== undefined
        ? 'See that the namespace exists and that the cluster has this resource: kubectl api-resources.'
        : 'The message has the reason of the API server.',
  });
}

/** TLS failures that mean "not valid at this time" rather than "not valid". */
const TIME_ERRORS: readonly unknown[] = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

/** No answer at all. */
export function silenceOf(asked: Asked, cause: unknown): PortolanError {
  if (cause instanceof PortolanError) return cause;
  if (cause instanceof Error && 'code' in cause && TIME_ERRORS.includes(cause.code))
    return new PortolanError(
      'KUBERNETES_UNAVAILABLE',
      `${describe(asked)}: the certificate of the Kubernetes API server is not valid by the clock of this machine, ${new Date().toISOString()}: ${messageOf(cause)}`,
      {
        cause,
        fix: "Compare this machine's clock with the cluster's (NTP), then the dates of the certificate.",
      },
    );
  return new PortolanError(
    'KUBERNETES_UNAVAILABLE',
    `${describe(asked)}: the Kubernetes API server does not answer: ${messageOf(cause).slice(0, MESSAGE_CHARACTERS)}`,
    { cause },
  );
}

function missingRule({ verb, resource, subresource, namespace, name, follows }: Asked): string {
  if (resource === undefined) return `Grant ${verb} on nonResourceURLs ["${name ?? '/'}"] in a ClusterRole.`;
  const plural = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  // Who grants one of the two is told of the other only after the next try. A Secret that is followed alone needs no right to the others.
  const verbs = follows === true ? '"list", "watch"' : `"${verb}"`;
  const names = follows === true && name !== undefined ? `, resourceNames: ["${name}"]` : '';
  const rule = `apiGroups: ["${resource.group}"], resources: ["${plural}"], verbs: [${verbs}]${names}`;
  return `Grant ${rule} in a ${namespace === undefined ? 'ClusterRole' : `Role of ${namespace} or a ClusterRole`}.`;
}

/** Nothing says where an API server is, or the credentials for it cannot be had. */
export function noAccess(why: string, cause?: unknown): PortolanError {
  return new PortolanError(
    'KUBERNETES_UNAVAILABLE',
    `no Kubernetes API server is known: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
