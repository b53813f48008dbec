/**
 * What stands between a right and a write: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/. Statuses of the API have no field
 * for it, so that the words of its own sources are looked for.
 */
const DENIED: readonly { readonly by: RegExp; readonly fix: (name: string) => string }[] = [
  {
    by: /admission webhook "([^"]+)" denied the request/,
    fix: (name) => `The admission webhook ${name} refuses it: let it pass, or ask who runs that webhook.`,
  },
  {
    by: /ValidatingAdmissionPolicy '([^']+)'/,
    fix: (name) =>
      `The ValidatingAdmissionPolicy ${name} refuses it: exempt this program, or change the policy.`,
  },
  {
    by: /exceeded quota: ([^,]+)/,
    fix: (name) => `The ResourceQuota ${name} is used up: raise it, or delete what is not needed.`,
  },
];
const FAILED = /failed calling webhook "([^"]+)"/;

/** The way out when no right is missing, and something else refuses the write; undefined: it is something else. */
export function denialFix(said: string): string | undefined {
  for (const { by, fix } of DENIED) {
    const name = by.exec(said)?.[1];
    if (name !== undefined) return fix(name);
  }
  return undefined;
}

/** The way out when what should have said yes or no did not answer; undefined: it is something else. */
export function silentWebhookFix(said: string): string | undefined {
  const name = FAILED.exec(said)?.[1];
  if (name === undefined) return undefined;
  return `The admission webhook ${name} does not answer: bring its Service back, or set failurePolicy: Ignore in its configuration (kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations). It is tried again.`;
}
