/**
 * Error texts that several parts of the server use, exactly as Valkey 9.1 sends them (`server.c` createSharedObjects, `cluster.c`).
 * A text that one command alone uses stands with that command.
 */

export const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
export const SYNTAX_ERROR = 'ERR syntax error';
export const NO_SUCH_KEY = 'ERR no such key';
export const SAME_OBJECT = 'ERR source and destination objects are the same';
export const INDEX_OUT_OF_RANGE = 'ERR index out of range';
export const NOT_INTEGER_ERROR = 'ERR value is not an integer or out of range';
export const NOT_FLOAT = 'ERR value is not a valid float';
export const OUT_OF_RANGE_POSITIVE = 'ERR value is out of range, must be positive';
export const OVERFLOW = 'ERR increment or decrement would overflow';
export const NAN_OR_INFINITY = 'ERR increment would produce NaN or Infinity';
export const DB_INDEX_OUT_OF_RANGE = 'ERR DB index is out of range';
export const INVALID_DB_INDEX = 'ERR invalid DB index';
export const STRING_TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';
export const BUSY_KEY = 'BUSYKEY Target key name already exists.';
export const NO_SCRIPT = 'NOSCRIPT No matching script.';
export const NO_AUTH = 'NOAUTH Authentication required.';
export const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.';
export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
export const EXEC_ABORT = 'EXECABORT Transaction discarded because of previous errors.';
export const CANNOT_SAVE =
  "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, " +
  'because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). ' +
  'Please check the Valkey logs for details about the RDB error.';
export const NO_REPLICAS = 'NOREPLICAS Not enough good replicas to write.';
export const READ_ONLY = "READONLY You can't write against a read only replica.";
export const PRIMARY_DOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
export const LOADING = 'LOADING Valkey is loading the dataset in memory';
export const REPLICA_NO_KEYSPACE = "ERR Replica can't interact with the keyspace";
export const NOT_CLUSTER = 'ERR This instance has cluster support disabled';
export const CROSS_SLOT = "CROSSSLOT Keys in request don't hash to the same slot";
export const TRY_AGAIN = 'TRYAGAIN Multiple keys request during rehashing of slot';
export const CLUSTER_DOWN = 'CLUSTERDOWN The cluster is down';
export const CLUSTER_DOWN_READS = 'CLUSTERDOWN The cluster is down and only accepts read commands';
export const SLOT_NOT_SERVED = 'CLUSTERDOWN Hash slot not served';
export const MAX_CLIENTS = 'ERR max number of clients reached';
export const MAX_CLIENTS_WITH_CLUSTER = 'ERR max number of clients + cluster connections reached';
export const PROTECTED_MODE =
  'DENIED Running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers, you may adopt one of the following solutions: ' +
  "1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting from the same host the server is running, however MAKE SURE it's not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. " +
  "2) Alternatively you can just disable the protected mode by editing the configuration file, and setting the protected mode option to 'no', and then restarting the server. " +
  "3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
  '4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.';

export function wrongArity(fullName: string): string {
  return `ERR wrong number of arguments for '${fullName}' command`;
}

/** Each argument quoted and cut so that all of them take at most 128 bytes. */
export function unknownCommand(name: string, args: readonly string[]): string {
  let shown = '';
  for (const arg of args) {
    if (shown.length >= 128) break;
    shown += `'${arg.slice(0, 128 - shown.length)}' `;
  }
  return `ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${shown}`;
}

export function unknownSubcommand(container: string, name: string): string {
  return `ERR unknown subcommand '${name.slice(0, 128)}'. Try ${container.toUpperCase()} HELP.`;
}

export function unknownSubcommandOrArity(container: string, name: string): string {
  return `ERR unknown subcommand or wrong number of arguments for '${name.slice(0, 128)}'. Try ${container.toUpperCase()} HELP.`;
}

export function invalidExpireTime(fullName: string): string {
  return `ERR invalid expire time in '${fullName}' command`;
}

export function notInTransaction(fullName: string): string {
  return `ERR Command '${fullName}' not allowed inside a transaction`;
}
