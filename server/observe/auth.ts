/**
 * Who may log in: the default user with `requirepass`, until there are ACLs.
 *
 * Passwords are compared by their hashes, so the time it takes tells nothing about how much of a guess was right.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { AuthPort, ConfigPort } from '../core/ports.ts';

export class DefaultUserAuth implements AuthPort {
  private readonly config: ConfigPort;

  constructor(config: ConfigPort) {
    this.config = config;
  }

  get open(): boolean {
    return this.config.text('requirepass') === '';
  }

  /** Without a password the default user takes any. */
  check(user: string, password: string): boolean {
    const isDefault = user === 'default';
    const matches = timingSafeEqual(digest(password), digest(this.config.text('requirepass')));
    return isDefault && (this.open || matches);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}
