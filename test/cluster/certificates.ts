/** The certificates of one run: an authority, the API server's, the administrator's, and the key that signs service account tokens. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfig, network, run } from './places.ts';
import { command } from './progress.ts';

export const pki = join(run, 'pki');

export async function makeCertificates(): Promise<void> {
  mkdirSync(pki, { recursive: true });
  if (!existsSync(join(pki, 'sa.key'))) {
    const days = '3650';
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-days',
      days,
      '-subj',
      '/CN=local-ca',
    );
    const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map(name => `DNS:${name}`);
    const addresses = ['127.0.0.1', network.apiServiceAddress, network.nodeAddress(1)].map(address => `IP:${address}`);
    await sign('apiserver', '/CN=kube-apiserver', `subjectAltName=${[...names, ...addresses].join(',')}\nextendedKeyUsage=serverAuth\n`);
    await sign('admin', '/O=system:masters/CN=admin', 'extendedKeyUsage=clientAuth\n');
    await openssl('genrsa', '-out', 'sa.key', '2048');
  }
  writeFileSync(kubeconfig, kubeconfigText());
}

const openssl = (...args: string[]): Promise<string> => command('openssl', args, { cwd: pki });

async function sign(name: string, subject: string, extensions: string): Promise<void> {
  writeFileSync(join(pki, `${name}.ext`), extensions);
  await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  await openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-days', '3650', '-out', `${name}.crt`, '-extfile', `${name}.ext`);
}

const kubeconfigText = (): string =>
  JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'local', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority': join(pki, 'ca.crt') } }],
      users: [{ name: 'admin', user: { 'client-certificate': join(pki, 'admin.crt'), 'client-key': join(pki, 'admin.key') } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
      'current-context': 'local',
    },
    null,
    2,
  );
