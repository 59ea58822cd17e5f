/** Types of redis-parser 3, which ships none: what this folder uses of it. */
declare module 'redis-parser' {
  export interface RedisParserOptions {
    readonly returnReply: (reply: unknown) => void;
    readonly returnError: (error: Error) => void;
    readonly returnFatalError: (error: Error) => void;
    readonly returnBuffers?: boolean;
    readonly stringNumbers?: boolean;
  }
  // redis-parser is CommonJS: Node gives its exported class as the default import.
  export default class RedisParser {
    constructor(options: RedisParserOptions);
    execute(buffer: Buffer): void;
    reset(): void;
  }
}
