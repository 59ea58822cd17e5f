/**
 * The source tree as the structure test sees it: which files there are, what each imports, how long its functions are.
 *
 * Files are parsed (with the parser that vitest brings), so that a word in a comment or a string is never taken for code.
 * Line counts leave out tables of data: a top-level `const` of ten lines and more whose functions, if it has any, are no longer
 * than five lines each. So a table of command specs or directives may be as long as it has to be, without any mark.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseAst } from 'vitest/node';

export const ROOT = normalize(join(import.meta.dirname, '../..'));

const TABLE_MIN_LINES = 10;
const TABLE_FUNCTION_MAX_LINES = 5;

export type Import = { readonly line: number; readonly specifier: string; readonly names: readonly string[]; readonly typeOnly: boolean };
export type FunctionSize = { readonly line: number; readonly name: string; readonly lines: number };
export type Finding = { readonly line: number; readonly what: string };

export type SourceFile = {
  /** Path from the root of the repository, with `/`. */
  readonly path: string;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSize[];
  /** Lines of the file without its tables of data. */
  readonly lines: number;
  /** Clock, randomness, timers and process state that the file reaches for by a global name. */
  readonly impurities: readonly Finding[];
  /** Syntax that the house does not use: default exports, re-exports, enums, namespaces, module-level `let`. */
  readonly unwantedSyntax: readonly Finding[];
};

/** A node of the ESTree that the parser gives: a type, a range, and children under any other name. */
type Node = { readonly type: string; readonly start: number; readonly end: number; readonly [child: string]: unknown };

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Every file that git tracks, or would track: what is ignored does not count. */
export function listFiles(): readonly string[] {
  const out = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return out.split('\n').filter(path => path !== '' && existsSync(join(ROOT, path)));
}

export function parseSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return parseText(path, text);
}

export function parseText(path: string, text: string): SourceFile {
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node;
  const lineOf = lineFinder(text);
  const span = (node: Node): number => lineOf(node.end - 1) - lineOf(node.start) + 1;
  const imports: Import[] = [];
  const functions: FunctionSize[] = [];
  const impurities: Finding[] = [];
  walk(program, undefined, (node, parent) => {
    const imported = importOf(node);
    if (imported !== undefined) imports.push({ line: lineOf(node.start), ...imported });
    if (isFunction(node)) functions.push({ line: lineOf(node.start), name: functionName(node, parent), lines: span(node) });
    const impurity = impurityOf(node, parent);
    if (impurity !== undefined) impurities.push({ line: lineOf(node.start), what: impurity });
  });
  const body = program['body'] as readonly Node[];
  const tableLines = body.filter(statement => isTable(statement, span)).reduce((sum, table) => sum + span(table), 0);
  const unwantedSyntax = path.endsWith('.d.ts')
    ? []
    : body.flatMap(statement => unwanted(statement).map(what => ({ line: lineOf(statement.start), what })));
  return { path, imports, functions, lines: text.split('\n').length - 1 - tableLines, impurities, unwantedSyntax };
}

/** The path of the file that `specifier` names from `from`, or undefined for a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? normalize(join(dirname(from), specifier)) : undefined;
}

function walk(node: Node, parent: Node | undefined, visit: (node: Node, parent: Node | undefined) => void): void {
  visit(node, parent);
  for (const key in node) {
    const child = node[key];
    if (isNode(child)) walk(child, node, visit);
    else if (Array.isArray(child)) for (const item of child) if (isNode(item)) walk(item, node, visit);
  }
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return offset => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

function importOf(node: Node): Omit<Import, 'line'> | undefined {
  if (node.type === 'ImportExpression') {
    const source = node['source'] as Node;
    return typeof source['value'] === 'string' ? { specifier: source['value'], names: [], typeOnly: false } : undefined;
  }
  if (!['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration'].includes(node.type) || !isNode(node['source']))
    return undefined;
  const names = ((node['specifiers'] ?? []) as readonly Node[]).map(specifier => {
    const imported = specifier['imported'] ?? specifier['local'];
    return isNode(imported) ? String(imported['name']) : '*';
  });
  return { specifier: String(node['source']['value']), names, typeOnly: node['importKind'] === 'type' || node['exportKind'] === 'type' };
}

const isFunction = (node: Node): boolean =>
  ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type) && isNode(node['body']);

function functionName(node: Node, parent: Node | undefined): string {
  const named = [node['id'], parent?.['id'], parent?.['key']].find(isNode);
  return typeof named?.['name'] === 'string' ? named['name'] : 'anonymous function';
}

function isTable(statement: Node, span: (node: Node) => number): boolean {
  const declaration = isNode(statement['declaration']) ? statement['declaration'] : statement;
  if (declaration.type !== 'VariableDeclaration' || declaration['kind'] !== 'const' || span(statement) < TABLE_MIN_LINES) return false;
  let table = true;
  walk(declaration, undefined, node => {
    if (isFunction(node) && span(node) > TABLE_FUNCTION_MAX_LINES) table = false;
  });
  return table;
}

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'fetch'];
/** What reads the world through a global object. `process` is a good name for a variable too, so its members are listed. */
const READS: Readonly<Record<string, readonly string[]>> = {
  Date: ['now'],
  Math: ['random'],
  performance: ['now', 'timeOrigin'],
  process: [
    'argv',
    'cpuUsage',
    'cwd',
    'emitWarning',
    'env',
    'exit',
    'hrtime',
    'kill',
    'memoryUsage',
    'nextTick',
    'off',
    'on',
    'once',
    'pid',
  ].concat(['platform', 'resourceUsage', 'stderr', 'stdin', 'stdout', 'umask', 'uptime', 'version', 'versions']),
};

function impurityOf(node: Node, parent: Node | undefined): string | undefined {
  if (node.type === 'Identifier') return identifierImpurity(node, parent);
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    const callee = node['callee'] as Node;
    const bare = (node['arguments'] as readonly Node[]).length === 0 || node.type === 'CallExpression';
    if (callee.type === 'Identifier' && callee['name'] === 'Date' && bare) return 'Date() reads the clock';
  }
  if (node.type !== 'MemberExpression') return undefined;
  const object = node['object'] as Node;
  const property = node['property'] as Node;
  if (object.type !== 'Identifier') return undefined;
  if (object['name'] === 'globalThis' || object['name'] === 'crypto') return `${String(object['name'])}.${String(property['name'])}`;
  const reads = READS[String(object['name'])];
  return reads?.includes(String(property['name'])) ? `${String(object['name'])}.${String(property['name'])}` : undefined;
}

function identifierImpurity(node: Node, parent: Node | undefined): string | undefined {
  const name = String(node['name']);
  return TIMERS.includes(name) && parent?.type === 'CallExpression' && parent['callee'] === node ? `${name}()` : undefined;
}

function unwanted(statement: Node): readonly string[] {
  const declaration = isNode(statement['declaration']) ? statement['declaration'] : statement;
  const found: string[] = [];
  if (statement.type === 'ExportDefaultDeclaration') found.push('a default export: export it by name');
  if (statement.type === 'ExportAllDeclaration') found.push('a re-export: import from the file that defines it');
  if (statement.type === 'ExportNamedDeclaration' && isNode(statement['source']))
    found.push('a re-export: import from the file that defines it');
  if (declaration.type === 'TSEnumDeclaration') found.push('an enum: use a union of string literals');
  if (declaration.type === 'TSModuleDeclaration') found.push('a namespace: use a module');
  if (declaration.type === 'VariableDeclaration' && ['let', 'var'].includes(String(declaration['kind'])))
    found.push('module-level mutable state: hold it in an object that the caller makes');
  return found;
}
