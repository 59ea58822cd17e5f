/**
 * What the operator's parts need of a connection to a node: send a command, get its reply. RESP2; TCP behind it in production, a fake node in simulations.
 */
import type { NodeProblem } from '../model/observation.ts';
import type { NodeAddress } from '../model/workload.ts';

export type Reply = string | number | null | readonly Reply[];

export interface NodeClient {
  /** @throws NodeError: with `problem` 'error' when the node refused the command, else when it could not be asked. */
  send(command: readonly string[]): Promise<Reply>;
}

export interface NodeTarget {
  readonly name: string;
  readonly address: NodeAddress;
  /** Identifies the process: another one at the same address gets a new connection. */
  readonly process: string;
  readonly password?: string;
}

/** Keeps one connection a node between turns. */
export interface NodeClients {
  client(target: NodeTarget): NodeClient;
  /** Closes the connections to processes of `owner` (a cluster key) that are not in `targets`. */
  keepOnly(owner: string, targets: readonly NodeTarget[]): void;
  close(): void;
}

export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly problem: NodeProblem;
  /** Of an error reply, its first word: `ERR`, `WRONGPASS`, `LOADING` … */
  readonly code: string;
  constructor(problem: NodeProblem, code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.problem = problem;
    this.code = code;
  }
}

/** The error of an error reply such as `WRONGPASS invalid username-password pair`. */
export function replyError(node: string, text: string): NodeError {
  const code = text.split(' ', 1)[0];
  return new NodeError(problemOfCode(code), code, `${node} answered: ${text}`);
}

function problemOfCode(code: string): NodeProblem {
  if (code === 'NOAUTH' || code === 'WRONGPASS' || code === 'NOPERM') return 'authentication';
  if (code === 'LOADING' || code === 'BUSY') return 'loading';
  return 'error';
}
