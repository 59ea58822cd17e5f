/** The string commands by name. */

import type { CommandHandlers } from '../table.ts';
import { decr, decrby, incr, incrby, incrbyfloat } from './arithmetic.ts';
import { delifeq, get, getdel, getex, getset, psetex, set, setex, setnx } from './get-set.ts';
import { lcs } from './lcs.ts';
import { append, getrange, setrange, strlen } from './range.ts';
import { mget, mset, msetex, msetnx } from './several.ts';

export const STRING_HANDLERS: CommandHandlers = {
  append,
  decr,
  decrby,
  delifeq,
  get,
  getdel,
  getex,
  getrange,
  getset,
  incr,
  incrby,
  incrbyfloat,
  lcs,
  mget,
  mset,
  msetex,
  msetnx,
  psetex,
  set,
  setex,
  setnx,
  setrange,
  strlen,
  substr: getrange,
};
