/** The Service that applications connect to, and the headless one that gives each pod a name. */
import type { V1Service } from '@kubernetes/client-node';
import { BUS_PORT, CLIENT_PORT } from '../../../api/group.ts';
import type { ClusterWorkloads } from '../../../model/workload.ts';
import { clusterLabels, nodeSelector, objectNames, type OwnedMetadata, ownedMetadata } from './metadata.ts';

export type Service = V1Service & { apiVersion: 'v1'; kind: 'Service'; metadata: OwnedMetadata };

/** Any node that serves: a cluster client learns the others from it. */
export function buildClientService(wanted: ClusterWorkloads): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(wanted, objectNames.clientService(wanted.cluster), clusterLabels(wanted.cluster)),
    spec: {
      type: 'ClusterIP',
      selector: nodeSelector(wanted.cluster),
      ports: [{ name: 'valkey', port: CLIENT_PORT, targetPort: 'client', protocol: 'TCP' }],
    },
  };
}

/** Every pod, ready or not: nodes must find each other before they can be ready. */
export function buildPeerService(wanted: ClusterWorkloads): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(wanted, objectNames.peerService(wanted.cluster), clusterLabels(wanted.cluster)),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: nodeSelector(wanted.cluster),
      ports: [
        { name: 'valkey', port: CLIENT_PORT, targetPort: 'client', protocol: 'TCP' },
        { name: 'bus', port: BUS_PORT, targetPort: 'bus', protocol: 'TCP' },
      ],
    },
  };
}

/** A name that resolves in every namespace of the Kubernetes, whatever its domain. */
export const clientHost = (wanted: ClusterWorkloads): string => `${objectNames.clientService(wanted.cluster)}.${wanted.namespace}.svc`;
