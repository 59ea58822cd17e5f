/**
 * The Secrets of a cluster: the generated password, the same as lines of valkey.conf for the nodes, and what an application needs to connect.
 * Values are base64 in `data`, as the API server gives them back, so that a comparison sees no difference where there is none.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { CLIENT_PORT, DEFAULT_USER } from '../../../api/group.ts';
import type { ClusterWorkloads } from '../../../model/workload.ts';
import { clusterLabels, objectNames, type OwnedMetadata, ownedMetadata } from './metadata.ts';
import { clientHost } from './services.ts';
import { authFileName } from './stateful-set.ts';

export type Secret = V1Secret & { apiVersion: 'v1'; kind: 'Secret'; metadata: OwnedMetadata };

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

function secret(wanted: ClusterWorkloads, name: string, data: Readonly<Record<string, string>>): Secret {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)]));
  const metadata = ownedMetadata(wanted, name, clusterLabels(wanted.cluster));
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: encoded };
}

/** Created once and never changed: the password that was drawn for the cluster. */
export const buildPasswordSecret = (wanted: ClusterWorkloads, password: string): Secret =>
  secret(wanted, wanted.password.secretName, { [wanted.password.key]: password });

export function buildAuthFile(wanted: ClusterWorkloads, password: string): Secret {
  const quoted = quoteArgument(password);
  return secret(wanted, objectNames.authFile(wanted.cluster), { [authFileName]: `requirepass ${quoted}\nprimaryauth ${quoted}\n` });
}

/** The keys of the Service Binding specification, which frameworks read by themselves. */
export function buildConnectionSecret(wanted: ClusterWorkloads, password: string): Secret {
  const host = clientHost(wanted);
  return secret(wanted, wanted.connectionSecretName, {
    type: 'redis',
    provider: 'slotkeeper',
    host,
    port: String(CLIENT_PORT),
    username: DEFAULT_USER,
    password,
    uri: `redis://${DEFAULT_USER}:${encodeURIComponent(password)}@${host}:${CLIENT_PORT}`,
  });
}

/** As valkey.conf wants it: in double quotes, bytes that are not plain text as \xHH. */
export function quoteArgument(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')].map(byte => {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    return plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}
