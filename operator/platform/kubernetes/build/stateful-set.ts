/**
 * The StatefulSet of one node: one pod, replaced by Kubernetes when it is gone, even while the operator is down; never restarted by Kubernetes
 * for a change (OnDelete): the operator's own roller decides when.
 *
 * - Without persistence data lies in the container's own layer (`/data`, no volume): an emptyDir would outlive a crash of the process, and a restarted primary would come back as an empty one
 *   with its old identity. So the root file system is writable; all else is the restricted pod security standard.
 * - With persistence `/data` is a volume that stays with the node, with its RDB file and its identity together, and the root file system is read-only. The claim goes with the StatefulSet or
 *   stays, as the reclaim policy says.
 * - The container gets `args` only: upstream's image and ours take the same ones. The password comes from a mounted file, so that it stands neither in the pod nor in the process list.
 * - Liveness and start-up ask whether the port takes connections: a node that loads or syncs does not answer commands, and must not be killed for it.
 * - Readiness is the port and a readiness gate that the operator sets when the node serves its shard (a replica: has caught up). No program in the container could be asked that in both images;
 *   and a drain must not take the next member of a shard before this one has the data.
 * - Spread: members of a shard go to different machines while there are that many (hard), over zones and evenly when possible (soft).
 */
import type {
  V1Affinity,
  V1Container,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Probe,
  V1StatefulSet,
  V1StatefulSetSpec,
  V1TopologySpreadConstraint,
} from '@kubernetes/client-node';
import { API_GROUP, BUS_PORT, CLIENT_PORT, LABELS } from '../../../api/group.ts';
import type { ClusterWorkloads, NodeWorkload } from '../../../model/workload.ts';
import { type OwnedMetadata, nodeLabels, nodeSelector, objectNames, ownedMetadata, shardSelector } from './metadata.ts';

/** Pod condition that the operator sets: this node serves. */
export const servingGate = `${API_GROUP}/serving`;

/** Folder of the mounted file with `requirepass` and `primaryauth`. */
export const authFolder = '/etc/valkey';
export const authFileName = 'auth.conf';
const dataFolder = '/data';
const dataVolume = 'data';
const containerName = 'valkey';
/** User and group of upstream's image; ours has the same. */
const userId = 999;

export type StatefulSet = V1StatefulSet & { apiVersion: 'apps/v1'; kind: 'StatefulSet'; metadata: OwnedMetadata };

export function buildStatefulSet(wanted: ClusterWorkloads, node: NodeWorkload): StatefulSet {
  const labels = nodeLabels(wanted.cluster, node);
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: ownedMetadata(wanted, node.name, labels),
    spec: {
      replicas: 1,
      serviceName: objectNames.peerService(wanted.cluster),
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      revisionHistoryLimit: 2,
      selector: { matchLabels: { [LABELS.cluster]: wanted.cluster, [LABELS.node]: node.name } },
      template: podTemplate(wanted, node, labels),
      ...volumeClaim(wanted, labels),
    },
  };
}

function volumeClaim(wanted: ClusterWorkloads, labels: Record<string, string>): Partial<V1StatefulSetSpec> {
  const { persistence } = wanted;
  if (persistence === undefined) return {};
  const { size, storageClassName, reclaimPolicy } = persistence;
  return {
    persistentVolumeClaimRetentionPolicy: { whenDeleted: reclaimPolicy, whenScaled: 'Retain' },
    volumeClaimTemplates: [
      {
        metadata: { name: dataVolume, labels },
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: String(size) } },
          ...(storageClassName !== undefined && { storageClassName }),
        },
      },
    ],
  };
}

function podTemplate(wanted: ClusterWorkloads, node: NodeWorkload, labels: Record<string, string>): V1PodTemplateSpec {
  const { scheduling } = wanted;
  const spec: V1PodSpec = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // As the first process of its name space a program that has no handler yet does not hear SIGTERM, and would hold its deletion up for the whole grace period.
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: wanted.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: userId,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    readinessGates: [{ conditionType: servingGate }],
    containers: [container(wanted, node)],
    volumes: [
      { name: 'auth', secret: { secretName: objectNames.authFile(wanted.cluster), defaultMode: 0o440 } },
      ...(wanted.persistence === undefined ? [] : [{ name: 'tmp', emptyDir: {} }]),
    ],
    topologySpreadConstraints: spread(wanted, node),
  };
  if (scheduling.nodeSelector) spec.nodeSelector = scheduling.nodeSelector;
  if (scheduling.tolerations) spec.tolerations = scheduling.tolerations.map(dropUndefined);
  // The user's own, as in a PodSpec: the API server checks it.
  if (scheduling.affinity) spec.affinity = scheduling.affinity as V1Affinity;
  if (scheduling.priorityClassName) spec.priorityClassName = scheduling.priorityClassName;
  return { metadata: { labels: { ...labels, [LABELS.revision]: node.revision } }, spec };
}

function container(wanted: ClusterWorkloads, node: NodeWorkload): V1Container {
  const port = { tcpSocket: { port: 'client' } };
  const startup: V1Probe = { ...port, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 120 };
  const liveness: V1Probe = { ...port, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 };
  const readiness: V1Probe = { ...port, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 3 };
  return {
    name: containerName,
    image: node.image,
    imagePullPolicy: 'IfNotPresent',
    args: nodeArguments(node),
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } }],
    ports: [
      { name: 'client', containerPort: CLIENT_PORT, protocol: 'TCP' },
      { name: 'bus', containerPort: BUS_PORT, protocol: 'TCP' },
    ],
    resources: containerResources(wanted),
    // So that the operator can say why a process did not start.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      ...(wanted.persistence !== undefined && { readOnlyRootFilesystem: true }),
    },
    volumeMounts: [
      { name: 'auth', mountPath: authFolder, readOnly: true },
      ...(wanted.persistence === undefined
        ? []
        : [
            { name: dataVolume, mountPath: dataFolder },
            // For what a program may put aside, such as compiled code.
            { name: 'tmp', mountPath: '/tmp' },
          ]),
    ],
    startupProbe: startup,
    livenessProbe: liveness,
    readinessProbe: readiness,
  };
}

/** The arguments of valkey-server: the file with the passwords, what the platform knows, then what the cluster wants. Kubernetes puts the pod's address in. */
export function nodeArguments(node: NodeWorkload): string[] {
  const platform = [
    ['--port', String(CLIENT_PORT)],
    ['--cluster-port', String(BUS_PORT)],
    ['--bind', '*', '-::*'],
    ['--protected-mode', 'no'],
    ['--dir', dataFolder],
    ['--cluster-announce-ip', '$(POD_IP)'],
  ];
  const wanted = node.directives.map(line => [`--${line.name}`, ...line.args.map(escapeExpansion)]);
  return [`${authFolder}/${authFileName}`, ...platform.flat(), ...wanted.flat()];
}

/** Kubernetes reads `$(NAME)` in an argument as a variable, and `$$(` as a plain `$(`. */
const escapeExpansion = (argument: string): string => argument.replaceAll('$(', '$$$$(');

function containerResources(wanted: ClusterWorkloads): NonNullable<V1Container['resources']> {
  const list = (quantities: { cpu?: string | number | undefined; memory?: string | number | undefined } = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(quantities).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
  return { requests: list(wanted.resources.requests), limits: list(wanted.resources.limits) };
}

/**
 * `nodeTaintsPolicy: Honor` leaves out machines that take no pods, so that a lone machine, or the last two of three, still take every member;
 * required anti-affinity would leave them pending.
 */
function spread(wanted: ClusterWorkloads, node: NodeWorkload): V1TopologySpreadConstraint[] {
  const over = (topologyKey: string, matchLabels: Record<string, string>, whenUnsatisfiable: string): V1TopologySpreadConstraint => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable,
    labelSelector: { matchLabels },
    nodeAffinityPolicy: 'Honor',
    nodeTaintsPolicy: 'Honor',
  });
  const ofShard = shardSelector(wanted.cluster, node.shard);
  const ofIndex = { ...nodeSelector(wanted.cluster), [LABELS.index]: String(node.index) };
  const hostname = 'kubernetes.io/hostname';
  const apart = wanted.scheduling.affinity ? [] : [over(hostname, ofShard, 'DoNotSchedule')];
  const usersOwn = wanted.scheduling.topologySpreadConstraints as V1TopologySpreadConstraint[] | undefined;
  const even = [
    over('topology.kubernetes.io/zone', ofShard, 'ScheduleAnyway'),
    // Members of one index are the first primaries: one machine should not take the majority of them with it.
    over(hostname, ofIndex, 'ScheduleAnyway'),
  ];
  return [...apart, ...(usersOwn ?? even)];
}

const dropUndefined = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
