/**
 * What a replica says to its primary before it asks to sync, and what it makes of the answers. Pure.
 *
 *     PING                                              +PONG (or an error that says: first a password)
 *     AUTH [user] password                              an error ends the attempt
 *     REPLCONF listening-port, ip-address, capa, version, set-cluster-node-id      errors are noted and ignored
 *     PSYNC <id> <offset>                               see `readPsyncReply`
 *
 * Source: replication.c (syncWithPrimary, replicaTryPartialResynchronization).
 */

export interface HandshakeFacts {
  readonly user: string;
  readonly password: string;
  readonly listeningPort: number;
  readonly announcedIp: string;
  readonly version: string;
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
  const steps: HandshakeStep[] = [];
  if (facts.password !== '') {
    steps.push({ command: facts.user === '' ? ['AUTH', facts.password] : ['AUTH', facts.user, facts.password], required: true });
  }
  const tell = (...words: string[]): void => {
    steps.push({ command: ['REPLCONF', ...words], required: false });
  };
  tell('listening-port', String(facts.listeningPort));
  if (facts.announcedIp !== '') tell('ip-address', facts.announcedIp);
  tell('capa', 'eof', 'capa', 'psync2');
  tell('version', facts.version);
  if (facts.nodeId !== undefined) tell('SET-CLUSTER-NODE-ID', facts.nodeId);
  return steps;
}

export type PsyncReply =
  | { readonly kind: 'wait' }
  | { readonly kind: 'full'; readonly id: string; readonly offset: number }
  | { readonly kind: 'continue'; readonly id: string | undefined }
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
  if (line.startsWith('-NOMASTERLINK') || line.startsWith('-LOADING')) return { kind: 'later', reason: line.slice(1) };
  return { kind: 'refused', reason: line };
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
