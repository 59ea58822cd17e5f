/**
 * Splitting of a line into arguments by the rules of valkey-cli (`sds.c`, sdssplitargs): used for inline commands and for
 * configuration files.
 *
 *     plain   "with \n \r \t \b \a \xHH escapes"   'only \' is escaped here'
 *
 * A closing quote that something other than a space follows belongs to one argument (`"a"b` is `ab`).
 */

/** The arguments as latin1 strings; undefined when quotes are not closed. */
export function splitArguments(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    while (at < line.length && isSpace(line.charCodeAt(at))) at++;
    if (at >= line.length || line[at] === '\0') break;
    const word = readWord(line, at);
    if (word === undefined) return undefined;
    words.push(word.text);
    at = word.end;
  }
  return words;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function readWord(line: string, start: number): { readonly text: string; readonly end: number } | undefined {
  let text = '';
  let at = start;
  let quote = '';
  for (;;) {
    if (at >= line.length) return quote === '' ? { text, end: at } : undefined;
    const char = line[at];
    if (quote === '"') {
      if (char === '\0') return undefined;
      if (char === '\\' && /^[\da-fA-F]{2}$/.test(line.slice(at + 2, at + 4)) && line[at + 1] === 'x' && at + 4 < line.length) {
        text += String.fromCharCode(Number.parseInt(line.slice(at + 2, at + 4), 16));
        at += 4;
      } else if (char === '\\' && at + 2 < line.length) {
        text += unescaped(line[at + 1]);
        at += 2;
      } else {
        if (char === '"') quote = '';
        else text += char;
        at++;
      }
    } else if (quote === "'") {
      if (char === '\0') return undefined;
      if (char === '\\' && line[at + 1] === "'" && at + 2 < line.length) {
        text += "'";
        at += 2;
      } else {
        if (char === "'") quote = '';
        else text += char;
        at++;
      }
    } else {
      if (char === '\0') return { text, end: at };
      at++;
      if (char === ' ' || char === '\n' || char === '\r' || char === '\t') return { text, end: at };
      if (char === '"' || char === "'") quote = char;
      else text += char;
    }
  }
}

function unescaped(char: string): string {
  switch (char) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\x07';
    default:
      return char;
  }
}
