/**
 * The reaper: a shell that outlives this process only to end the nodes it started.
 *
 * A node is a program of any kind (ours, or upstream's binary), so it cannot watch its parent itself. The reaper holds the read
 * end of a pipe whose write end is ours alone. We tell it each pid that starts and ends; when the pipe closes, because we ended or
 * were killed with SIGKILL, it ends the nodes that are left. It runs in a session of its own, so that Ctrl-C does not reach it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { assert } from '../../../lib/assert.ts';

/** `wait_ms` is not in every sleep, hence seconds: three polls of one second between TERM and KILL. */
const SCRIPT = `
pids=""
while read -r word pid; do
  case "$word" in
    add) pids="$pids $pid" ;;
    remove) kept=""; for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done; pids="$kept" ;;
  esac
done
[ -n "$pids" ] || exit 0
kill -TERM $pids 2> /dev/null
for _ in 1 2 3; do kill -0 $pids 2> /dev/null || exit 0; sleep 1; done
kill -KILL $pids 2> /dev/null
`;

export class Reaper {
  readonly #shell: ChildProcess;

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#shell.stdin?.on('error', () => {});
    this.#shell.on('error', () => {});
    this.#shell.unref();
  }

  add(pid: number): void {
    this.#tell(`add ${pid}\n`);
  }

  remove(pid: number): void {
    this.#tell(`remove ${pid}\n`);
  }

  /** Lets the shell end; it ends whatever process it still knows. */
  close(): void {
    this.#shell.stdin?.end();
  }

  #tell(line: string): void {
    assert(this.#shell.stdin !== null, 'the reaper was started with a pipe');
    this.#shell.stdin.write(line);
  }
}
