import { readFile } from 'node:fs/promises';
import type { FileCertificate } from '../../gateway/tls/contract.ts';
import { watchFiles } from '../../nameserver/file-watch.ts';
import { messageOf } from '../../src/errors/error.ts';

export interface CertificateFiles {
  /** What could be read; each change is told to `changed`. */
  read(): Promise<readonly FileCertificate[]>;
  close(): void;
}

/** Certificates of the agent's own configuration. One that cannot be read is left out and said in the log. */
export function openCertificateFiles(
  pairs: readonly { readonly certificateFile: string; readonly keyFile: string }[],
  changed: () => void,
  log: { error(details: object, message: string): void },
): CertificateFiles {
  const paths = pairs.flatMap(({ certificateFile, keyFile }) => [certificateFile, keyFile]);
  const stop = watchFiles(paths, changed);
  return {
    async read() {
      const found = await Promise.all(
        pairs.map(async ({ certificateFile, keyFile }): Promise<readonly FileCertificate[]> => {
          try {
            const [certificatePem, keyPem] = await Promise.all([
              readFile(certificateFile, 'utf8'),
              readFile(keyFile, 'utf8'),
            ]);
            return [{ name: certificateFile, certificatePem, keyPem }];
          } catch (thrown) {
            log.error({ err: messageOf(thrown) }, 'a certificate of gateway.certificates cannot be read');
            return [];
          }
        }),
      );
      return found.flat();
    },
    close: stop,
  };
}
