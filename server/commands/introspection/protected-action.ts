/** What `enable-debug-command`, `enable-protected-configs` and the like allow: `no`, `yes`, or `local` connections only. */

import type { CommandContext } from '../../core/context.ts';

export function isAllowedHere(context: CommandContext, directive: string): boolean {
  const allowed = context.ports.config.text(directive);
  if (allowed !== 'local') return allowed === 'yes';
  const { isUnixSocket, remoteAddress } = context.session.transport;
  return isUnixSocket || /^(127\.|\[?::1\]?:|\[?::ffff:127\.)/.test(remoteAddress);
}
