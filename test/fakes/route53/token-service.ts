import { createServer } from 'node:http';

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
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
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
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const service: TokenService = {
    endpoint: `http://127.0.0.1:${address.port}`,
    asked,
    refuse: false,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}
