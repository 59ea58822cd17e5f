/** Which of upstream's replication units (tests/integration) run against our server, what is adapted in them, and what is known to fail, with the reasons. Data. */

import type { Adaptation } from '../support/upstream-suite.ts';

/** Names in tests/integration: the ones of every run. */
export const UNITS: readonly string[] = ['psync2-reg', 'psync2-pingoff'];

/** What runs only in the whole matrix (SLOTKEEPER_FULL), for the minutes that it takes. */
export const UNITS_OF_FULL_RUN: readonly string[] = ['psync2', 'dual-channel-replication'];

/** Units that are not run yet, each with the reason. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'psync2-master-restart': 'needs a data set that is saved and loaded with its replication id',
  'replication-psync': 'nobody has looked at its results yet: it takes some ten minutes',
};

const ONE_WALK = 'there is no fork to count: replicas share one walk, as the test of our own for them shows';

export const ADAPTATIONS: readonly Adaptation[] = [
  { unit: 'integration/dual-channel-replication', from: 'assert {[s 0 total_forks] eq "1" }', to: '', reason: ONE_WALK },
  {
    unit: 'integration/dual-channel-replication',
    from: 'set res [wait_for_log_messages 0 {"*Attach replica rdb client*"} $loglines 20 100]',
    to: '',
    reason: 'the line is about reference counts of blocks: here a replica is a position in the backlog',
  },
];

/** By unit: how a failing test's title begins → why it fails. */
export const KNOWN_FAILURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'dual-channel-replication': {
    'Test dual-channel-replication replica can lazyfree the local buffer':
      'what was held back is given back at once; nothing is counted as freed lazily',
    'Dual channel replication buffer memory fields': 'needs MEMORY STATS',
  },
  psync2: {
    'PSYNC2: Partial resync after restart using RDB aux fields': 'needs a data set that is saved and loaded with its replication id',
  },
};
