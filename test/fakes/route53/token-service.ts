import { startHttpFront } from '../http-front.ts';

export interface TokenService {
  readonly endpoint: string;
  /** Parameters of each request, in order. */
  readonly asked: Readonly<Record<string, string>>[];
  /** Refuses from now on, as for a role that does not trust the caller. */
  refuse: boolean;
  close(): Promise<void>;
}

/** AWS STS, as far as AssumeRole and AssumeRoleWithWebIdentity go: gives the keys it is told to. */
export async function startTokenService(keys: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}): Promise<TokenService> {
  const asked: Readonly<Record<string, string>>[] = [];
  const front = await startHttpFront({
    answer(_request, body, response) {
      const fields = Object.fromEntries(new URLSearchParams(body));
      asked.push(fields);
      const action = fields.Action ?? '';
      response.setHeader('content-type', 'text/xml');
      if (service.refuse) {
        response.statusCode = 403;
        response.end(
          `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/hub is not authorized to perform: sts:${action} on resource: ${fields.RoleArn ?? ''}</Message></Error></ErrorResponse>`,
        );
        return;
      }
      const expiry = new Date(Date.now() + 3_600_000).toISOString();
      response.end(
        `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials><AccessKeyId>${keys.accessKeyId}</AccessKeyId><SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey><SessionToken>token</SessionToken><Expiration>${expiry}</Expiration></Credentials></${action}Result></${action}Response>`,
      );
    },
  });
  const service: TokenService = {
    endpoint: front.url,
    asked,
    refuse: false,
    close: front.close,
  };
  return service;
}
