/**
 * What a replica says to its primary before it asks to sync, and what it makes of the answers. Pure.
 *
 *     PING                                              +PONG (or an error that says: first a password)
 *     AUTH [user] password                              an error ends the attempt
 *     REPLCONF listening-port, ip-address, capa, version, set-cluster-node-id      errors are noted and ignored
 *     PSYNC <id> <offset>                               see `readPsyncReply`
 *
 * On the second connection of a dual-channel sync, which brings the snapshot:
 *
 *     AUTH [user] password
 *     REPLCONF capa eof rdb-only 1 rdb-channel 1 …      an error ends the attempt
 *     SYNC                                              see `readEndOffset`
 *
 * and then on the first one: REPLCONF set-rdb-client-id <id>, PSYNC <id> <offset of the snapshot's end>.
 *
 * Source: replication.c (syncWithPrimary, replicaTryPartialResynchronization).
 */

export interface HandshakeFacts {
  readonly user: string;
  readonly password: string;
  readonly listeningPort: number;
  readonly announcedIp: string;
  readonly version: string;
  /** Take snapshots on a second connection when the primary can do that. */
  readonly dualChannel: boolean;
  /** undefined outside of a cluster. */
  readonly nodeId: string | undefined;
}

export interface HandshakeStep {
  readonly command: readonly string[];
  /** An error reply ends the attempt. */
  readonly required: boolean;
}

/** A request as RESP, latin1. */
export function request(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** Whether the answer to PING lets the handshake go on. */
export function pingAccepted(line: string): boolean {
  return (
    line.startsWith('+') || line.startsWith('-NOAUTH') || line.startsWith('-NOPERM') || line.startsWith('-ERR operation not permitted')
  );
}

/** What is sent after PING, in one write; the answers come in the same order. */
export function handshakeSteps(facts: HandshakeFacts): readonly HandshakeStep[] {
  const steps: HandshakeStep[] = authSteps(facts);
  const tell = (...words: string[]): void => {
    steps.push({ command: ['REPLCONF', ...words], required: false });
  };
  tell('listening-port', String(facts.listeningPort));
  if (facts.announcedIp !== '') tell('ip-address', facts.announcedIp);
  tell('capa', 'eof', 'capa', 'psync2', ...(facts.dualChannel ? ['capa', 'dual-channel'] : []));
  tell('version', facts.version);
  if (facts.nodeId !== undefined) tell('SET-CLUSTER-NODE-ID', facts.nodeId);
  return steps;
}

/** What is sent on the second connection, in one write. */
export function rdbChannelSteps(facts: HandshakeFacts): readonly HandshakeStep[] {
  const port = String(facts.listeningPort);
  const steps = authSteps(facts);
  steps.push({
    command: ['REPLCONF', 'capa', 'eof', 'rdb-only', '1', 'rdb-channel', '1', 'listening-port', port, 'version', facts.version],
    required: true,
  });
  if (facts.announcedIp !== '') steps.push({ command: ['REPLCONF', 'ip-address', facts.announcedIp], required: true });
  return steps;
}

function authSteps({ user, password }: HandshakeFacts): HandshakeStep[] {
  if (password === '') return [];
  return [{ command: user === '' ? ['AUTH', password] : ['AUTH', user, password], required: true }];
}

export type PsyncReply =
  | { readonly kind: 'wait' }
  | { readonly kind: 'full'; readonly id: string; readonly offset: number }
  | { readonly kind: 'continue'; readonly id: string | undefined }
  /** A full sync, whose snapshot comes on a second connection. */
  | { readonly kind: 'dual-channel' }
  | { readonly kind: 'later'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** The primary's answer to PSYNC. */
export function readPsyncReply(line: string): PsyncReply {
  if (line === '') return { kind: 'wait' };
  const words = line.split(' ');
  if (words[0] === '+FULLRESYNC') {
    const offset = Number(words[2]);
    const sound = words[1]?.length === 40 && /^\d+$/.test(words[2] ?? '') && Number.isSafeInteger(offset);
    return sound ? { kind: 'full', id: words[1], offset } : { kind: 'refused', reason: `wrong FULLRESYNC syntax: ${line}` };
  }
  if (words[0] === '+CONTINUE') return { kind: 'continue', id: words[1]?.length === 40 ? words[1] : undefined };
  if (words[0] === '+DUALCHANNELSYNC') return { kind: 'dual-channel' };
  if (line.startsWith('-NOMASTERLINK') || line.startsWith('-LOADING')) return { kind: 'later', reason: line.slice(1) };
  return { kind: 'refused', reason: line };
}

/** Where the snapshot of the second connection ends in the stream, and who that connection is to the primary. */
export interface SnapshotEnd {
  readonly id: string;
  readonly offset: number;
  /** Database that is selected there; 0 when the stream itself says so before its next command. */
  readonly dbIndex: number;
  readonly clientId: string;
}

export type EndOffsetReply =
  | { readonly kind: 'wait' }
  | { readonly kind: 'end'; readonly end: SnapshotEnd }
  | { readonly kind: 'refused'; readonly reason: string };

/** The line before the snapshot of the second connection: `$ENDOFF:<offset> <id> <db> <client id>`. */
export function readEndOffset(line: string): EndOffsetReply {
  if (line === '') return { kind: 'wait' };
  const parts = /^\$ENDOFF:(\d{1,16}) (\S{40}) (-?\d{1,9}) (\d{1,20})$/.exec(line);
  if (parts === null) return { kind: 'refused', reason: `Received unexpected $ENDOFF response: ${line.slice(0, 128)}` };
  const [, offset, id, db, clientId] = parts;
  return { kind: 'end', end: { id, offset: Number(offset), dbIndex: Math.max(0, Number(db)), clientId } };
}

export type PayloadHeader =
  | { readonly kind: 'wait' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'mark'; readonly mark: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** The line before the RDB. */
export function readPayloadHeader(line: string): PayloadHeader {
  if (line === '') return { kind: 'wait' };
  if (/^\$EOF:.{40}$/s.test(line)) return { kind: 'mark', mark: line.slice(5) };
  if (/^\$\d{1,15}$/.test(line)) return { kind: 'length', bytes: Number(line.slice(1)) };
  if (line.startsWith('-')) return { kind: 'refused', reason: `PRIMARY aborted replication with an error: ${line.slice(1)}` };
  return { kind: 'refused', reason: `Bad protocol from PRIMARY, the first byte is not '$' (we received '${line.slice(0, 64)}')` };
}
