/** Which of upstream's cluster units run against our server, what is adapted in them, and what is known to fail, with the reasons. Data. */

import type { Adaptation } from '../support/upstream-suite.ts';

/** Names in tests/unit/cluster: the ones of every run. */
export const UNITS: readonly string[] = [
  'announced-endpoints',
  'base',
  'faildet',
  'failover',
  'hostnames',
  'manual-failover',
  'noaddr',
  'slot-ownership',
  'slot-stats',
  'update-msg',
];

/**
 * What runs only in the whole matrix (SLOTKEEPER_FULL), for the minutes that it takes: units that pass, and after them units that end early by
 * what is known to fail in them.
 */
export const UNITS_OF_FULL_RUN: readonly string[] = [
  'auto-failover-on-shutdown',
  'cluster-nodes-slots',
  'cluster-reliable-meet',
  'failover2',
  'faster-failover',
  'human-announced-nodename',
  'manual-takeover',
  'misc',
  'no-failover-option',
  'slave-selection',
  'slave-stop-cond',
  'cluster-shards',
  'links',
  'packet',
  'shardid-propagation',
  'cluster-migrateslots',
  'half-migrated-slot',
];

const NO_SCRIPTS = 'scripting is not there yet; what the script does is one command';

const NO_FUNCTIONS = 'there are no functions yet';
const NO_EVICTION = 'keys are not evicted yet';
const NO_FIELD_EXPIRY = 'fields of hashes do not expire yet';
const NO_BLOCKING = 'there are no blocking commands on keys yet';
const NO_RESTART = 'DEBUG RESTART and files are not there yet';
const NO_ACL = 'there are no users but default yet';
const NO_AOF = 'there is no append-only file yet';
const NO_STREAMS = 'there are no streams yet';
const NO_MIGRATE = 'MIGRATE (moving slots key by key) is not there yet';
const MIGRATESLOTS = 'unit/cluster/cluster-migrateslots';

/** Takes a test out of a unit: what it needs would end the whole unit. `instead`: what it leaves behind for the next one. */
const leftOut = (unit: string, title: string, reason: string, instead = ''): Adaptation => ({
  unit,
  from: `test "${title}" {`,
  to: `${instead}\n    proc left_out {} {`,
  reason,
});

export const ADAPTATIONS: readonly Adaptation[] = [
  leftOut('unit/cluster/slot-migration', "Client blocked on XREADGROUP while stream's slot is migrated", NO_STREAMS),
  leftOut('unit/cluster/slot-migration', 'Multi/Exec Validation During Slot Migration with Multiple Databases', NO_MIGRATE),
  leftOut(MIGRATESLOTS, "Slot migration won't migrate the functions", NO_FUNCTIONS, 'R 2 FLUSHDB SYNC'),
  leftOut(MIGRATESLOTS, 'Export client buffer excluded from maxmemory', NO_EVICTION),
  leftOut(MIGRATESLOTS, 'Restart $node_name during migration ($save_condition) causes $expectation', NO_RESTART),
  leftOut(MIGRATESLOTS, 'Import with default user having no permission', NO_ACL),
  {
    unit: MIGRATESLOTS,
    from: 'test "Primary importing key containment (slot $slot_to_migrate from node $source_idx to $target_idx) - $eviction_policy eviction excludes importing keys" {',
    to: 'proc left_out {} {',
    reason: NO_EVICTION,
  },
  {
    unit: MIGRATESLOTS,
    from: 'assert_match "1" [R $source_idx HSETEX "$slot_to_migrate_tag:hfe" PX 500 FIELDS 1 field value]',
    to: 'assert_match "OK" [R $source_idx SET "$slot_to_migrate_tag:hfe" value PX 500]',
    reason: NO_FIELD_EXPIRY,
  },
  {
    unit: MIGRATESLOTS,
    from: 'assert_match "1" [R $target_idx HSETEX "$slot_to_test_tag:hfe" PX 500 FIELDS 1 field value]',
    to: 'assert_match "OK" [R $target_idx SET "$slot_to_test_tag:hfe" value PX 500]',
    reason: NO_FIELD_EXPIRY,
  },
  {
    unit: MIGRATESLOTS,
    from: '$blpop_client BLPOP $0_slot_tag:mylist 0',
    to: '$blpop_client SELECT 0',
    reason: `${NO_BLOCKING}; a paused write is told MOVED all the same`,
  },
  { unit: MIGRATESLOTS, from: 'wait_for_blocked_clients_count 1 100 10 0', to: '$blpop_client read', reason: NO_BLOCKING },
  { unit: MIGRATESLOTS, from: 'assert_error "MOVED 0 *:*" {$blpop_client read}', to: '', reason: NO_BLOCKING },
  {
    unit: MIGRATESLOTS,
    from: 'start_cluster 3 3 {tags {logreqres:skip external:skip cluster aofrw network} overrides {appendonly yes auto-aof-rewrite-percentage 0}} {',
    to: 'if {0} {',
    reason: NO_AOF,
  },
  {
    unit: 'unit/cluster/manual-failover',
    from: '$cluster eval {server.call("rpush",KEYS[1],ARGV[1])} 1 $key $ele',
    to: '$cluster rpush $key $ele',
    reason: NO_SCRIPTS,
  },
  {
    unit: 'unit/cluster/slot-stats',
    from: '    $subscriber QUIT\n',
    to: '',
    reason: 'the subscriber belongs to a test that is left out',
  },
];

/** Units that do not run yet, and why. */
export const UNITS_LEFT_OUT: Readonly<Record<string, string>> = {
  'many-slot-migration': NO_MIGRATE,
  resharding: `${NO_MIGRATE}; ${NO_AOF}; ${NO_SCRIPTS}`,
  'slot-migration': `${NO_STREAMS}; ${NO_MIGRATE}`,
  'pubsubshard-slot-migration': 'there is no pub/sub yet',
  'replica-migration':
    'takes longer than a unit may (three of its eleven clusters took 225 s): it was not seen to its end, and what passes is not known',
};

const NO_PUBSUB = 'there is no pub/sub yet';
const NO_LUA = 'there is no scripting yet';

/** By unit: how a failing test's title begins → why it fails. */
export const KNOWN_FAILURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'cluster-shards': {
    "Test the replica reports a loading state while it's loading": 'the hidden directive key-load-delay does not slow our loading down',
  },
  'half-migrated-slot': { 'exception: Executing test client: ERR unknown command': NO_MIGRATE },
  links: { 'exception: Executing test client: ERR unknown command': NO_PUBSUB },
  packet: { 'exception: Executing test client: ERR unknown command': NO_PUBSUB },
  'shardid-propagation': { 'Restart of node in cluster mode': 'DEBUG RESTART is not there yet' },
};

/** By unit: titles of tests that are not run, since they would end the unit or need what is not there → why. */
export const LEFT_OUT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'slot-stats': {
    'CLUSTER SLOT-STATS cpu-usec for blocking commands, unblocked on keyspace update.': NO_BLOCKING,
    'CLUSTER SLOT-STATS cpu-usec for blocking commands, unblocked on timeout.': NO_BLOCKING,
    'CLUSTER SLOT-STATS cpu-usec for lua-scripts, without cross-slot keys.': NO_LUA,
    'CLUSTER SLOT-STATS cpu-usec for lua-scripts, with cross-slot keys.': NO_LUA,
    'CLUSTER SLOT-STATS cpu-usec for functions, without cross-slot keys.': NO_LUA,
    'CLUSTER SLOT-STATS cpu-usec for functions, with cross-slot keys.': NO_LUA,
    'CLUSTER SLOT-STATS network-bytes-in, blocking command.': NO_BLOCKING,
    'CLUSTER SLOT-STATS network-bytes-in, pub/sub.': NO_PUBSUB,
    'CLUSTER SLOT-STATS network-bytes-in, sharded pub/sub.': NO_PUBSUB,
    'CLUSTER SLOT-STATS network-bytes-out, blocking commands.': NO_BLOCKING,
    'CLUSTER SLOT-STATS network-bytes-out, sharded pub/sub, single channel.': NO_PUBSUB,
    'CLUSTER SLOT-STATS network-bytes-out, sharded pub/sub, cross-slot channels.': NO_PUBSUB,
  },
};
