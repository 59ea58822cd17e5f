/**
 * A client whose command waits (WAIT, blocking pops): whoever makes it wait puts a `Waiting` under `WAITING` into the session's
 * attachments and takes it away when the reply is given. CLIENT UNBLOCK and CLIENT LIST look at it.
 */

import type { Session } from './session.ts';

export interface Waiting {
  /** Replies as if the time was up. */
  timeOut(): void;
  /** Replies with this error line. */
  fail(text: string): void;
}

export const WAITING: unique symbol = Symbol('waiting');

export function waitingOf(session: Session): Waiting | undefined {
  return session.attachments.get(WAITING) as Waiting | undefined;
}
