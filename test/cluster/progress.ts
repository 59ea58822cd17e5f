/**
 * Lines that tell what the machine is doing: a step is announced when it starts and closed with its duration, and while a
 * long one runs it says every few seconds that it still does (and the last line of its output), so that nobody stares at a still terminal.
 */
import { spawn } from 'node:child_process';

const heartbeatMs = 10_000;

export const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** Runs `work` as a told step. `work` may call `note` with the last thing that happened; the heartbeat repeats it. */
export async function step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
  const begin = Date.now();
  let last = '';
  tell(`- ${title} ...`);
  const heartbeat = setInterval(() => tell(`  still: ${title} (${seconds(Date.now() - begin)})${last && ` ${last}`}`), heartbeatMs);
  try {
    const result = await work(text => {
      last = text;
    });
    tell(`  done: ${title} (${seconds(Date.now() - begin)})`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}

export type CommandOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Receives each line of output while the command runs. */
  readonly onLine?: (line: string) => void;
  /** Does not throw on a non-zero exit code. */
  readonly allowFailure?: boolean;
  readonly timeoutMs?: number;
};

/** Runs a program to its end; gives standard output. Throws with the tail of its output when it fails. */
export function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let all = '';
    const take = (text: string): void => {
      all = (all + text).slice(-4000);
      if (options.onLine) for (const line of text.split('\n')) if (line.trim()) options.onLine(line.trim());
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      take(text);
    });
    child.stderr.setEncoding('utf8').on('data', take);
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', cause => reject(new Error(`Cannot run "${program}": ${cause.message}`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0 || options.allowFailure) resolve(out);
      else reject(new Error(`"${program} ${args.join(' ').slice(0, 200)}" failed (${signal ?? `exit code ${code}`}):\n${all.trim()}`));
    });
  });
}

/** Waits until `condition` gives a value that is not undefined; throws with `what` after `limitMs`. */
export async function until<T>(what: string, limitMs: number, condition: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`Waited ${seconds(limitMs)} in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
