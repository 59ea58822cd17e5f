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

export const RECHECK_BUSY_MS = 200;
export const RECHECK_WAITING_MS = 1_000;
export const RECHECK_STEADY_MS = 5_000;
/** Work that takes longer than this waits for something outside: it is looked at less often. */
export const BUSY_FOR_LONG_MS = 120_000;
/** The end of a process is told when it is not older than this: an operator that starts does not tell old stories. */
export const TELL_RESTARTS_MS = 60_000;
/** A process that ended and was not started again for this long is a problem of its pod. */
export const ENDED_REPORT_MS = 3_000;
/** How long a process may take from its start until it listens. */
export const STARTING_MS = 30_000;
