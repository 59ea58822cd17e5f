/** The connection commands by name. */

import type { CommandHandlers } from '../table.ts';
import * as client from './client.ts';
import { auth, echo, hello, ping, quit, reset, select } from './session-commands.ts';

export const CONNECTION_HANDLERS: CommandHandlers = {
  auth,
  'client|capa': client.clientCapa,
  'client|getname': client.clientGetname,
  'client|getredir': client.clientGetredir,
  'client|help': client.clientHelp,
  'client|id': client.clientId,
  'client|import-source': client.clientImportSource,
  'client|info': client.clientInfo,
  'client|kill': client.clientKill,
  'client|list': client.clientList,
  'client|no-evict': client.clientNoEvict,
  'client|no-touch': client.clientNoTouch,
  'client|pause': client.clientPause,
  'client|reply': client.clientReply,
  'client|setinfo': client.clientSetinfo,
  'client|setname': client.clientSetname,
  'client|tracking': client.clientTracking,
  'client|trackinginfo': client.clientTrackinginfo,
  'client|unblock': client.clientUnblock,
  'client|unpause': client.clientUnpause,
  echo,
  hello,
  ping,
  quit,
  reset,
  select,
};
