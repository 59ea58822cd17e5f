/** Every wait and bound of the plan, by name. Milliseconds unless said otherwise. */

/** A promotion without the nodes' vote, where there is no quorum by design: after the fence, and this much silence at most. */
export const TAKEOVER_DEBOUNCE_MAX_MS = 5_000;
/** The same where three primaries or more should have voted: the majority may only be out of the operator's sight. */
export const QUORUM_LOST_DEBOUNCE_MS = 45_000;
/** Every wanted node answers and is blank: nothing is left that could hold data. */
export const ALL_BLANK_DEBOUNCE_MS = 15_000;
/** Every copy of a shard is proven gone while others live on. */
export const SHARD_LOST_DEBOUNCE_MS = 45_000;
/** The suspicion of it is shown after this long. */
export const SHARD_LOST_REPORT_MS = 10_000;
/** An id that no record of ours explains counts as gone after this long, when every wanted node is identified. */
export const UNRECORDED_ID_GONE_MS = 60_000;
/** A vote that should have come by itself: after this long the best replica is asked to stand again. */
export const VOTE_STUCK_MS = 20_000;
/** How often nodes ping each other, as a share of the node timeout (upstream: half of it), and the most nodes of a cluster for which that is set: pings grow with the square. */
export const PING_SHARE = 0.2;
export const PING_MAX_NODES = 64;
export const FORGET_DEBOUNCE_MS = 1_000;
/** A replica of the wrong primary is left alone this long: the nodes sort most of it out themselves. */
export const WRONG_PRIMARY_DEBOUNCE_MS = 5_000;
export const FOREIGN_NODES_REPORT_MS = 10_000;
/** A primary that is silent for less is not shown as an outage: a hand-over looks like this. */
export const UNSERVED_DEBOUNCE_MS = 1_500;
/** A shard that nobody can serve is reported as trouble after this long. */
export const UNSERVED_REPORT_MS = 5_000;
/** A node that does not answer is reported after this long. */
export const UNREACHABLE_REPORT_MS = 10_000;
/** A primary whose pod is on its way down hands over by itself; after this long the operator asks for it too. */
export const TERMINATING_HANDOVER_MS = 1_500;

/** Primaries that crowd on one machine are spread only when it has been so for this long: drains and restarts move roles by themselves. */
export const SPREAD_DEBOUNCE_MS = 5_000;

/** How long the first slots wait for nodes that answer later than others of their shard: with them the primaries can be spread from the start. */
export const STRAGGLERS_MS = 5_000;

/** The same step to the same node is not repeated sooner. */
export const MEET_REPEAT_MS = 1_500;
export const FAILOVER_REPEAT_MS = 6_000;
export const FORCE_REPEAT_MS = 10_000;

/** Above this many nodes a new node is met by one other only and gossip does the rest. */
export const MEET_ALL_PAIRS_MAX_NODES = 16;
/** A replica this close to its primary has caught up. The hand-over itself waits for the last byte. */
export const CAUGHT_UP_LAG_BYTES = 1_048_576;

/** Slot migrations: slots and predicted bytes of one, how many run in a cluster at once. */
export const MIGRATION_BATCH_SLOTS = 512;
export const MIGRATION_BATCH_BYTES = 256 * 2 ** 20;
export const MIGRATIONS_AT_ONCE = 4;
/** The same order to the same node is not repeated sooner: the next picture shows what became of it. */
export const MIGRATE_REPEAT_MS = 2_000;
/** The pause after the first failure; it doubles with each one. */
export const MIGRATION_RETRY_MS = 2_000;
export const MIGRATION_RETRY_MAX_MS = 300_000;
/** After this many failures in a row it is trouble. */
export const MIGRATION_FAILURES_REPORT = 4;
/** Migrations that a node remembers; the default is a thousand. */
export const MIGRATION_LOG_LENGTH = 50;
export const MIGRATION_LOG_REPEAT_MS = 60_000;
/** How full of its `maxmemory` a node may become by slots that it is given. */
export const MEMORY_LIMIT_SHARE = 0.92;
/** Keys that a drained node still holds are waited for this long, while others serve every slot. */
export const KEYS_LEFT_MS = 30_000;

/** Replicas have heard within this long which slots their primary was given or gave away. */
export const SLOTS_HEARD_MS = 2_000;

export const RECHECK_BUSY_MS = 200;
export const RECHECK_WAITING_MS = 1_000;
export const RECHECK_STEADY_MS = 5_000;
/** Replicas of a cluster that may take a full sync at once because the operator ordered it: one of so many shards, and at least two. */
export const SHARDS_A_RESYNC = 4;
export const RESYNCS_AT_ONCE_MIN = 2;
/** A replica that was told whom to follow begins its sync within this long. */
export const RESYNC_BEGINS_MS = 10_000;

/** Work that takes longer than this waits for something outside: it is looked at less often. */
export const BUSY_FOR_LONG_MS = 120_000;
/** The end of a process is told when it is not older than this: an operator that starts does not tell old stories. */
export const TELL_RESTARTS_MS = 60_000;
/** A process that ended and was not started again for this long is a problem of its pod. */
export const ENDED_REPORT_MS = 3_000;
/** How long a process may take from its start until it listens. */
export const STARTING_MS = 30_000;

/** Figures of the load are taken over into the status this often at most. */
export const FIGURES_MS = 60_000;
/** A reason that only tells one kind of calm from another is said after this long. */
export const LASTING_REASON_MS = 60_000;
