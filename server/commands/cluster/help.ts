/** CLUSTER HELP. */

import { replyHelp } from '../help.ts';
import { withCluster } from './arguments.ts';

const LINES: readonly (readonly string[])[] = [
  ['ADDSLOTS <slot> [<slot> ...]', 'Give slots without an owner to this node.'],
  ['ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]', 'Give ranges of slots without an owner to this node.'],
  ['BUMPEPOCH', 'Take a new config epoch.'],
  ['CANCELSLOTMIGRATIONS', 'End all migrations of slots from this node to others.'],
  ['COUNT-FAILURE-REPORTS <node-id>', 'How many nodes report <node-id> as failing.'],
  ['COUNTKEYSINSLOT <slot>', 'How many keys of <slot> are here.'],
  ['DELSLOTS <slot> [<slot> ...]', 'Make slots ownerless in the view of this node.'],
  ['DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]', 'Make ranges of slots ownerless in the view of this node.'],
  ['FAILOVER [FORCE|TAKEOVER]', 'Make this replica the primary of its shard.'],
  ['FLUSHSLOT <slot> [ASYNC|SYNC]', 'Delete all keys of <slot>.'],
  ['FLUSHSLOTS', 'Give up all slots of this node.'],
  ['FORGET <node-id>', 'Remove a node from the cluster.'],
  ['GETKEYSINSLOT <slot> <count>', 'Names of up to <count> keys of <slot>.'],
  ['GETSLOTMIGRATIONS', 'Migrations of slots from and to this node: those that run, and the last ones that are over.'],
  ['INFO', 'State and figures of the cluster.'],
  ['KEYSLOT <key>', 'The hash slot of <key>.'],
  ['LINKS', 'The bus connections of this node, each as a map.'],
  ['MEET <ip> <port> [<bus-port>]', 'Bring this node and another one into one cluster.'],
  [
    'MIGRATESLOTS SLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...] NODE <node-id> [SLOTSRANGE ... NODE ...]',
    'Move slots of this node with their keys to other nodes.',
  ],
  ['MYID', 'The id of this node.'],
  ['MYSHARDID', 'The id of the shard of this node.'],
  [
    'NODES',
    'The cluster as this node sees it, one line per node:',
    '<id> <ip:port@bus-port[,hostname]> <flags> <primary> <pings> <pongs> <epoch> <link> <slot> ...',
  ],
  ['REPLICAS <node-id>', 'The replicas of a primary.'],
  ['REPLICATE (<node-id>|NO ONE)', 'Make this node a replica of <node-id>, or an empty primary.'],
  ['RESET [HARD|SOFT]', 'Make this node a new one (default: soft).'],
  ['SAVECONFIG', 'Write the nodes file.'],
  ['SET-CONFIG-EPOCH <epoch>', 'Set the config epoch of a node that is new.'],
  ['SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>) [TIMEOUT <ms>]', 'Set the state of a slot.'],
  ['SHARDS', 'Slots and nodes of each shard.'],
  [
    'SLOT-STATS (SLOTSRANGE <start slot> <end slot>|ORDERBY <metric> [LIMIT <limit>] [ASC|DESC])',
    'What the slots of this shard hold and what load they bring.',
  ],
  ['SLOTS', 'Owners and replicas of each range of slots.'],
];

export const help = withCluster(context => replyHelp(context, LINES));
