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
  'cluster-shards',
  'links',
  'packet',
  'shardid-propagation',
  'slave-selection',
  'slave-stop-cond',
];

const NO_SCRIPTS = 'scripting is not there yet; what the script does is one command';

export const ADAPTATIONS: readonly Adaptation[] = [
  {
    unit: 'unit/cluster/manual-failover',
    from: '$cluster eval {server.call("rpush",KEYS[1],ARGV[1])} 1 $key $ele',
    to: '$cluster rpush $key $ele',
    reason: NO_SCRIPTS,
  },
];

const NO_PUBSUB = 'there is no pub/sub yet';
const NO_KILL_OF_PRIMARY_LINK = "a replica's link to its primary is no client that CLIENT KILL knows";

/** By unit: how a failing test's title begins → why it fails. */
export const KNOWN_FAILURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'cluster-shards': {
    "Test the replica reports a loading state while it's loading": 'the hidden directive key-load-delay does not slow our loading down',
  },
  links: { 'exception: Executing test client: ERR unknown command': NO_PUBSUB },
  packet: { 'exception: Executing test client: ERR unknown command': NO_PUBSUB },
  'shardid-propagation': { 'Restart of node in cluster mode': 'DEBUG RESTART is not there yet' },
  'slave-selection': { 'exception: Executing test client: ERR No such client': NO_KILL_OF_PRIMARY_LINK },
  'slave-stop-cond': { 'exception: Executing test client: ERR No such client': NO_KILL_OF_PRIMARY_LINK },
};
