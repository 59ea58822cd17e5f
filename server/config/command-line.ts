/**
 * The command line of the server: `[file] [--directive argument…]… [-]`.
 *
 * The options become lines that are read after the file and after standard input, as if they stood at its end.
 */

import { quoteArgument } from './quoting.ts';

export interface CommandLine {
  /** '' when no file is given. */
  readonly file: string;
  readonly readsStandardInput: boolean;
  /** Configuration lines. */
  readonly options: string;
}

/** `args` without the program's name. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const file = args.length > 0 && !args[0].startsWith('-') ? args[0] : '';
  let readsStandardInput = false;
  let options = '';
  // A word that begins with `--` is an argument when the directive before it has none yet.
  let complete = true;
  for (let index = file === '' ? 0 : 1; index < args.length; index++) {
    const arg = args[index];
    const isLast = index === args.length - 1;
    if (arg === '-' && (index === 0 || isLast)) readsStandardInput = true;
    else if (complete && arg.startsWith('--')) {
      if (options !== '') options += '\n';
      options += `${arg.slice(2)} `;
      complete = arg.trim().includes(' ');
      if (arg.toLowerCase() === '--save' && (isLast || args[index + 1].startsWith('--'))) {
        options += '""';
        complete = true;
      }
    } else {
      options += `${quoteArgument(arg)} `;
      complete = true;
    }
  }
  return { file, readsStandardInput, options };
}
