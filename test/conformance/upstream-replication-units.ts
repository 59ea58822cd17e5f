/** Which of upstream's replication units (tests/integration) run against our server, what is adapted in them, and what is known to fail, with the reasons. Data. */

import type { Adaptation } from '../support/upstream-suite.ts';

/** Names in tests/integration: the ones of every run. */
export const UNITS: readonly string[] = ['psync2-reg', 'psync2-pingoff', 'psync2-master-restart'];

/** What runs only in the whole matrix (SLOTKEEPER_FULL), for the minutes that it takes. */
export const UNITS_OF_FULL_RUN: readonly string[] = ['psync2', 'replication-psync', 'dual-channel-replication'];

const NO_FIELD_EXPIRY = 'fields of hashes do not expire yet';
const ANY_ONLINE = 'verify_replica_online is content when any of the replicas is online';
const ONE_WALK = 'there is no fork to count: replicas share one walk, as the test of our own for them shows';

export const ADAPTATIONS: readonly Adaptation[] = [
  { unit: 'integration/dual-channel-replication', from: 'assert {[s 0 total_forks] eq "1" }', to: '', reason: ONE_WALK },
  {
    unit: 'integration/dual-channel-replication',
    from: 'set res [wait_for_log_messages 0 {"*Attach replica rdb client*"} $loglines 20 100]',
    to: '',
    reason: 'the line is about reference counts of blocks: here a replica is a position in the backlog',
  },
  ...['key1', 'key2'].map(key => ({
    unit: 'integration/dual-channel-replication',
    from: `wait_for_value_to_propagate_to_replica $primary $replica1 "${key}"`,
    to: `wait_for_sync $replica1; wait_for_sync $replica2; wait_for_value_to_propagate_to_replica $primary $replica1 "${key}"`,
    reason: ANY_ONLINE,
  })),
  {
    unit: 'integration/dual-channel-replication',
    from: '$primary hexpire myhash 3600 FIELDS 3 field1 field2 field3',
    to: '',
    reason: NO_FIELD_EXPIRY,
  },
  { unit: 'integration/dual-channel-replication', from: 'assert_encoding hashtable myhash', to: '', reason: NO_FIELD_EXPIRY },
];

/** By unit: how a failing test's title begins → why it fails. */
export const KNOWN_FAILURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {};

/** By unit: titles of tests that are not run, since they test what cannot be here, or wait long for it → why. */
export const LEFT_OUT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'dual-channel-replication': {
    'Test dual-channel-replication replica can lazyfree the local buffer':
      'what was held back is given back at once; nothing is counted as freed lazily',
    'Dual channel replication buffer memory fields': 'needs MEMORY STATS',
    'Dual channel full sync succeeds with hash field expiration data': NO_FIELD_EXPIRY,
  },
};
