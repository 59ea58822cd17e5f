/**
 * ValkeyCluster: the one source of the CRD, the API reference and the TypeScript types.
 *
 * The zod schema gives structure, bounds and defaults; what a structural schema cannot say stands beside it as data: CEL rules and
 * printer columns. Only fields that work are here. Field names follow the official valkey-operator where it has them.
 *
 * For the CRD, `z.toJSONSchema(valkeyClusterSpecSchema, { io: 'input' })` needs three changes: `propertyNames` goes, `additionalProperties: false` goes beside
 * `properties`, and an `anyOf` beside `x-kubernetes-int-or-string` keeps only its types. Keys that start with `x-kubernetes-` come from `.meta` and stay.
 */
import { z } from 'zod';
import type { CelRule } from './cel-rule.ts';
import type { Condition } from './conditions.ts';
import { DIRECTIVES } from '../../lib/directives.ts';
import { CONDITION_TYPES } from './conditions.ts';
import {
  autoscalingSpecSchema,
  autoscalingStatusSchema,
  LOAD_CEL_RULES,
  rebalancingSpecSchema,
  rebalancingStatusSchema,
  shardLoadStatusSchema,
} from './load-spec.ts';
import { OWNED_DIRECTIVES, PERSISTENCE_DIRECTIVES } from './owned-directives.ts';
import { quantity } from './quantity.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const resourceList = z.strictObject({ cpu: quantity.optional(), memory: quantity.optional() });

const resources = z
  .strictObject({ requests: resourceList.optional(), limits: resourceList.optional() })
  .describe('CPU and memory of each node. `maxmemory` is derived from the memory limit, less room for buffers, unless `config` sets it.');

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

const scheduling = z
  .strictObject({
    nodeSelector: z
      .record(z.string(), z.string())
      .optional()
      .describe('Labels that a Kubernetes node must have to run a pod of this cluster.'),
    tolerations: z.array(toleration).max(64).optional().describe('Taints that the pods of this cluster tolerate.'),
    affinity: z
      .looseObject({})
      .meta({ 'x-kubernetes-preserve-unknown-fields': true })
      .optional()
      .describe(
        'Affinity of the pods, as in a PodSpec. It replaces the built-in rule that keeps members of a shard on different Kubernetes nodes.',
      ),
    topologySpreadConstraints: z
      .array(z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true }))
      .max(16)
      .optional()
      .describe('Topology spread of the pods, as in a PodSpec. It replaces the built-in spread of a shard over zones.'),
    priorityClassName: z.string().max(253).optional().describe('The PriorityClass of the pods.'),
  })
  .describe('Where pods may run.');

const persistence = z
  .strictObject({
    size: quantity.describe(
      'Size of the volume of each node, such as "10Gi": room for two RDB files of the data. It cannot be changed later.',
    ),
    storageClassName: z.string().min(1).max(253).optional().describe('The StorageClass of the volumes. Left out, it is the default one.'),
    reclaimPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'What becomes of the volume claims when the ValkeyCluster is deleted. Those of replicas that are no longer wanted go in any case.',
      ),
  })
  .describe(
    'A volume for each node that keeps its RDB file and its identity. `save` in `config` says when nodes save; without it they do as Valkey does, and at a stop. ' +
      "With `appendonly` in `config` nodes of Valkey's own server keep their append-only file there, too. " +
      'Left out, nodes keep data in memory only.',
  );

const configValue = z.union([z.int(), z.string().max(4096)]).meta({ 'x-kubernetes-int-or-string': true });

export const valkeyClusterSpecSchema = z
  .strictObject({
    image: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe(
        'Container image of the nodes: one of Slotkeeper or of Valkey 9.1. Left out, it is the image that the operator was installed with.',
      ),
    shards: z
      .int()
      .min(1)
      .max(500)
      .default(3)
      .describe(
        'Number of shards: primaries that share the 16384 hash slots. A change moves slots while the cluster serves: new shards get an even share, shards that go give all of theirs away first. With autoscaling it is the number to start with.',
      ),
    replicas: z.int().min(0).max(5).default(1).describe('Replicas of each shard, beside its primary.'),
    resources: resources.optional(),
    persistence: persistence.optional(),
    config: z
      .record(z.string().min(1).max(128), configValue)
      .optional()
      .meta({ maxProperties: 200 })
      .describe(
        'Directives of valkey.conf, by name. Quote yes and no: YAML reads them as booleans. Directives that the operator sets are refused.',
      ),
    auth: z
      .strictObject({
        passwordSecret: z
          .strictObject({
            name: z.string().min(1).max(253).describe('Name of a Secret in the namespace of the cluster.'),
            key: z.string().min(1).max(253).default('password').describe('Key in the Secret that holds the password.'),
          })
          .optional()
          .describe('The password that clients and nodes use. Left out, one is generated into the Secret `<cluster>-password`.'),
      })
      .optional()
      .describe('How clients and nodes authenticate.'),
    nodeTimeoutMilliseconds: z
      .int()
      .min(500)
      .max(60_000)
      .default(5000)
      .describe(
        'After how long a silent node counts as failed (cluster-node-timeout). Failover of a crashed primary takes about this long.',
      ),
    rebalancing: rebalancingSpecSchema,
    autoscaling: autoscalingSpecSchema.optional(),
    scheduling: scheduling.optional(),
    podDisruptionBudget: z
      .strictObject({
        mode: z
          .enum(['Managed', 'Disabled'])
          .default('Managed')
          .describe(
            'Managed: a drain takes one replica of a shard at a time, and a primary only after it has handed over. Disabled: no PodDisruptionBudgets.',
          ),
      })
      .prefault({})
      .describe('PodDisruptionBudgets of the shards.'),
    terminationGracePeriodSeconds: z
      .int()
      .min(1)
      .max(3600)
      .default(30)
      .describe('How long a node may take to hand over its role and stop before it is killed.'),
  })
  .describe('What the cluster should be.');

export type ValkeyClusterSpec = z.infer<typeof valkeyClusterSpecSchema>;
/** The spec as a user writes it: before defaults. */
export type ValkeyClusterSpecInput = z.input<typeof valkeyClusterSpecSchema>;

const nodeStatusSchema = z.strictObject({
  name: z.string().describe('Name of the workload and announced name of the node.'),
  role: z.enum(['primary', 'replica', 'none']),
  ready: z.boolean(),
  nodeId: z.string().optional().describe('Identity in the cluster (CLUSTER MYID); it lives and dies with the data.'),
  podUid: z.string().optional().describe('Pod that last ran this node id; evidence for a fence is asked about it.'),
  containerId: z.string().optional().describe('Container that last ran this node id.'),
  syncPercent: z
    .int()
    .optional()
    .describe('While the node takes a whole data set from its primary: how much of it has come, in steps of ten.'),
});

const lostNodeSchema = z.strictObject({ nodeId: z.string(), name: z.string(), podUid: z.string(), containerId: z.string().optional() });

const shardStatusSchema = z.strictObject({
  index: z.int(),
  primary: z.string().optional().describe('Name of the node that is primary.'),
  ownerId: z.string().optional().describe('Node id of the owner of its slots.'),
  slots: z.string().describe('Slot ranges that belong to it, such as "0-5460"; empty for a shard that is new, or about to go.'),
  readyReplicas: z.int(),
  load: shardLoadStatusSchema.optional(),
  nodes: z.array(nodeStatusSchema),
  lostNodes: z.array(lostNodeSchema).optional().describe('Node ids that the cluster still knows although their process does not answer.'),
});

const conditionSchema = z.strictObject({
  type: z.enum(CONDITION_TYPES),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.int(),
  lastTransitionTime: z.string().meta({ format: 'date-time' }),
});

export const valkeyClusterStatusSchema = z.strictObject({
  observedGeneration: z.int().optional().describe('Generation of the spec that this status is about.'),
  state: z.enum(['Forming', 'Ready', 'Progressing', 'Degraded', 'Failed', 'Deleting']).optional().describe('The conditions in one word.'),
  reason: z.string().optional().describe('Why the state is not Ready.'),
  ready: z.string().optional().describe('Ready nodes of wanted ones, such as "6/6".'),
  assignedSlots: z.int().optional().describe('Slots that a reachable primary serves; 16384 when whole.'),
  version: z.string().optional().describe('Server version that the nodes run; "mixed" during an upgrade.'),
  connection: z
    .strictObject({ host: z.string(), port: z.int(), secretName: z.string().optional() })
    .optional()
    .describe('Where applications connect, and the Secret that says so.'),
  shardCount: z
    .int()
    .optional()
    .describe('Over how many shards the slots are spread. While spec.shards is being followed, it is the number from before.'),
  selector: z.string().optional().describe('Selects the pods of the nodes, for autoscalers.'),
  scaling: z
    .strictObject({
      shards: z.int().describe('Number of shards that is being worked on.'),
      slotsToMove: z.int(),
      slotsMoved: z.int(),
    })
    .optional()
    .describe('A change of the number of shards that is under way.'),
  migrations: z
    .array(
      z.strictObject({
        from: z.int().optional().describe('Shard that gives.'),
        to: z.int().optional().describe('Shard that takes.'),
        slots: z.string(),
        state: z.string().describe('As the server names it, such as "snapshotting".'),
      }),
    )
    .optional()
    .describe('Slot migrations that run now.'),
  rebalancing: rebalancingStatusSchema.optional(),
  autoscaling: autoscalingStatusSchema.optional(),
  dataLossCount: z.int().optional().describe('How often slots had to be given to empty nodes because every copy of them was gone.'),
  lastDataLossTime: z.string().meta({ format: 'date-time' }).optional(),
  lastDataLossMessage: z.string().optional(),
  conditions: z
    .array(conditionSchema)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  shards: z
    .array(shardStatusSchema)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['index'] }),
});

export type NodeStatus = z.infer<typeof nodeStatusSchema>;
export type ShardStatus = z.infer<typeof shardStatusSchema>;
export type ValkeyClusterStatus = Omit<z.infer<typeof valkeyClusterStatusSchema>, 'conditions'> & {
  readonly conditions?: readonly Condition[];
};

const quoted = (names: readonly string[]): string => JSON.stringify(names);
const directiveNames = DIRECTIVES.flatMap(directive =>
  directive.alias === undefined ? [directive.name] : [directive.name, directive.alias],
);

/** Whether the append-only file is on, in CEL: of `self` or `oldSelf`. */
const appendOnlyOf = (spec: string): string =>
  `(has(${spec}.config) && 'appendonly' in ${spec}.config ? ${spec}.config['appendonly'] : 'no')`;

/** The claim templates of a StatefulSet cannot change, nor can nodes move between memory and a volume. */
const PERSISTENCE_RULES: readonly CelRule[] = [
  {
    path: 'spec',
    rule: 'has(self.persistence) == has(oldSelf.persistence)',
    message: 'persistence cannot be added to or taken from a cluster: create another ValkeyCluster and move the data',
  },
  {
    path: 'spec',
    rule: `!has(self.config) || has(self.persistence) || self.config.all(name, !(name in ${quoted(PERSISTENCE_DIRECTIVES)}))`,
    message: 'config holds save or appendonly, which need persistence: without a volume there is nowhere to save to',
  },
  {
    path: 'spec',
    rule: `${appendOnlyOf('self')} == ${appendOnlyOf('oldSelf')} || (self.replicas > 0 && oldSelf.replicas > 0)`,
    message:
      'config.appendonly cannot be changed without replicas: a node that starts with it reads the append-only file alone, which is not there yet, and gets its data from another node',
  },
  {
    path: 'spec.persistence',
    rule: 'self.size == oldSelf.size',
    message:
      'persistence.size cannot be changed: the volume claims of a StatefulSet are fixed; create another ValkeyCluster and move the data',
  },
  {
    path: 'spec.persistence',
    rule: "(has(self.storageClassName) ? self.storageClassName : '') == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')",
    message: 'persistence.storageClassName cannot be changed: the volume claims of a StatefulSet are fixed',
  },
];

export const VALKEY_CLUSTER_CEL_RULES: readonly CelRule[] = [
  ...PERSISTENCE_RULES,
  ...LOAD_CEL_RULES,
  {
    path: 'spec.config',
    rule: `self.all(name, !(name in ${quoted(OWNED_DIRECTIVES.map(owned => owned.name))}))`,
    message:
      'config holds a directive that the operator sets itself, such as port, dir or cluster-enabled; for the node timeout use nodeTimeoutMilliseconds, for the password auth.passwordSecret',
  },
  {
    path: 'spec.config',
    rule: `self.all(name, name in ${quoted(directiveNames)})`,
    message: 'config holds a name that is no directive of Valkey 9.1; names are lower case, such as maxmemory-policy',
  },
];

/** Names of nodes (`<cluster>-<shard>-<index>-0`) must fit into a label of 63 characters. */
export const CLUSTER_NAME_MAX_LENGTH = 40;
export const CLUSTER_NAME_PATTERN = DNS_LABEL;
export const VALKEY_CLUSTER_ROOT_CEL_RULES: readonly CelRule[] = [
  {
    path: '',
    rule: `size(self.metadata.name) <= ${CLUSTER_NAME_MAX_LENGTH} && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')`,
    message: `metadata.name must be a DNS label of at most ${CLUSTER_NAME_MAX_LENGTH} characters that starts with a letter`,
  },
];

/** The `/scale` subresource scales shards: `kubectl scale`, HorizontalPodAutoscalers. */
export const VALKEY_CLUSTER_SCALE = {
  specReplicasPath: '.spec.shards',
  statusReplicasPath: '.status.shardCount',
  labelSelectorPath: '.status.selector',
} as const;

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 0 shows always, 1 with `-o wide`. */
  readonly priority: 0 | 1;
}

export const VALKEY_CLUSTER_PRINTER_COLUMNS: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.ready', description: 'Ready nodes of wanted ones', priority: 0 },
  { name: 'Status', type: 'string', jsonPath: '.status.state', description: 'The conditions in one word', priority: 0 },
  { name: 'Shards', type: 'integer', jsonPath: '.spec.shards', description: 'Shards', priority: 0 },
  { name: 'Slots', type: 'integer', jsonPath: '.status.assignedSlots', description: 'Slots served, of 16384', priority: 0 },
  { name: 'Version', type: 'string', jsonPath: '.status.version', description: 'Server version', priority: 0 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age', priority: 0 },
  { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', description: 'Replicas of each shard', priority: 1 },
  { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Why it is not Ready', priority: 1 },
  {
    name: 'Max/Mean Load',
    type: 'string',
    jsonPath: '.status.rebalancing.maxOverMean',
    description: 'Load of the busiest shard over the mean',
    priority: 1,
  },
];
