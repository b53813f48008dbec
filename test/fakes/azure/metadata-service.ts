import { type HttpFrontOptions, startHttpFront } from '../http-front.ts';

export interface MetadataService {
  readonly url: string;
  /** Resources that tokens were asked for. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/**
 * The metadata service of a machine in the cloud, as far as a managed identity needs it.
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#get-a-token-using-http
 */
export async function startMetadataService(issue: () => string): Promise<MetadataService> {
  const asked: string[] = [];
  const answer: HttpFrontOptions['answer'] = (request, _body, response) => {
    const url = new URL(request.url ?? '/', 'http://metadata');
    const resource = url.searchParams.get('resource');
    const fine =
      url.pathname.replace(/\/$/, '') === '/metadata/identity/oauth2/token' &&
      request.headers.metadata === 'true' &&
      url.searchParams.get('api-version') === '2018-02-01' &&
      resource !== null;
    response.writeHead(fine ? 200 : 400, { 'Content-Type': 'application/json' });
    if (!fine) {
      response.end(
        JSON.stringify({
          error: 'invalid_request',
          error_description: 'Required metadata header not specified',
        }),
      );
      return;
    }
    asked.push(resource);
    response.end(
      JSON.stringify({
        access_token: issue(),
        expires_in: '86399',
        expires_on: String(Math.floor(Date.now() / 1000) + 86_399),
        resource,
        token_type: 'Bearer',
      }),
    );
  };
  const front = await startHttpFront({ answer });
  return { url: front.url, asked, close: front.close };
}
