/**
 * The house's walls, checked: who may import whom, no cycles, sizes, one home for each npm package, purity, and a map
 * (ARCHITECTURE.md) that names every folder. The rules stand in test/structure/rules.ts; each failure names the file, the rule
 * and the way out.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as rules from './structure/rules.ts';
import { type Import, listFiles, parseSource, parseText, ROOT, resolveImport, type SourceFile } from './structure/source-tree.ts';

const files = listFiles();
const sources = files.filter(path => rules.SOURCE.test(path)).map(parseSource);
const product = sources.filter(file => rules.PRODUCT.test(file.path));
const productCode = product.filter(file => !rules.TEST.test(file.path));

/** The folder (or file) of `layers` that `path` belongs to: the longest that matches. */
function unitOf(path: string, layers: readonly (readonly string[])[]): string | undefined {
  const units = layers.flat().toSorted((a, b) => b.length - a.length);
  const named = units.find(unit => path === unit || path.startsWith(`${unit}/`));
  return named ?? units.find(unit => unit === `${dirname(path)}/*.ts`);
}

const under = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** What of `file` breaks the layer order, as sentences. */
function layerViolations(file: SourceFile): readonly string[] {
  const layers = file.path.startsWith('operator/') ? rules.OPERATOR_LAYERS : rules.SERVER_LAYERS;
  const unit = unitOf(file.path, layers);
  if (unit === undefined) return [`${file.path} is in no layer: move it, or add its folder to test/structure/rules.ts and ARCHITECTURE.md`];
  return file.imports.flatMap(imported => {
    const target = resolveImport(file.path, imported.specifier);
    if (target === undefined) return [];
    const why = forbidden(unit, target, layers);
    return why === undefined ? [] : [`${file.path}:${imported.line} imports ${target}: ${why}`];
  });
}

function forbidden(unit: string, target: string, layers: readonly (readonly string[])[]): string | undefined {
  const targetUnit = unitOf(target, layers);
  if (targetUnit === undefined) return `outside of what ${unit} may see; server and operator meet in lib only`;
  if (targetUnit === unit) return undefined;
  const layerOf = (name: string): number => layers.findIndex(layer => layer.includes(name));
  if (layerOf(targetUnit) === layerOf(unit))
    return `${unit} and ${targetUnit} are siblings: let them meet through an interface in a layer below`;
  if (layerOf(targetUnit) > layerOf(unit))
    return `${targetUnit} is above ${unit}: declare in ${unit} the interface it needs, and pass it in`;
  const narrowed = rules.NARROWED[unit];
  return narrowed !== undefined && !narrowed.includes(targetUnit) ? `${unit} sees only ${narrowed.join(', ')}` : undefined;
}

/** The cycles of the import graph: each as the files it runs through, found once. */
function findCycles(all: readonly SourceFile[]): readonly string[] {
  const graph = new Map(all.map(file => [file.path, file.imports.flatMap(i => resolveImport(file.path, i.specifier) ?? [])]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) cycles.push([...trail.slice(at), path].join(' → '));
    if (at !== -1 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

function packageViolation(file: SourceFile, imported: Import): string | undefined {
  if (imported.specifier.startsWith('.') || imported.specifier.startsWith('node:')) return undefined;
  const name = packageOf(imported.specifier);
  const home = rules.PACKAGE_HOMES[name];
  if (home === undefined) return `${file.path}:${imported.line} imports ${name}, which has no home: give it one in test/structure/rules.ts`;
  return under(file.path, home)
    ? undefined
    : `${file.path}:${imported.line} imports ${name}: only ${home} does; use what that folder exports`;
}

function impureImport(file: SourceFile, imported: Import): string | undefined {
  if (imported.typeOnly || !imported.specifier.startsWith('node:')) return undefined;
  const advice = 'take it through a port or as an argument';
  if (!rules.PURE_NODE_MODULES.includes(imported.specifier))
    return `${file.path}:${imported.line} imports ${imported.specifier}: ${advice}`;
  const random = imported.specifier === 'node:crypto' && imported.names.find(name => rules.RANDOM_NAMES.test(name));
  return random ? `${file.path}:${imported.line} imports ${random} of node:crypto: ${advice}` : undefined;
}

describe('who may import whom', () => {
  test('the server imports only from the layers below', () => {
    expect(productCode.filter(file => !file.path.startsWith('operator/')).flatMap(layerViolations)).toEqual([]);
  });

  test('the operator imports only from the layers below, and plan and status see only plain data', () => {
    expect(productCode.filter(file => file.path.startsWith('operator/')).flatMap(layerViolations)).toEqual([]);
  });

  test('no file takes part in an import cycle, type imports included', () => {
    expect(findCycles(sources)).toEqual([]);
  });

  test('relative imports name their file with its .ts ending, and the file is there', () => {
    const known = new Set(files);
    const wrong = sources.flatMap(file =>
      file.imports
        .filter(imported => imported.specifier.startsWith('.'))
        .filter(imported => !known.has(resolveImport(file.path, imported.specifier) ?? ''))
        .map(imported => `${file.path}:${imported.line} imports ${imported.specifier}, which is no file of the repository`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('npm packages', () => {
  test('each is imported in one folder', () => {
    expect(productCode.flatMap(file => file.imports.flatMap(imported => packageViolation(file, imported) ?? []))).toEqual([]);
  });

  test(`production needs at most ${rules.LIMITS.productionPackages} packages`, () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
    };
    const production = Object.entries(lock.packages).filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional);
    expect(production.length, 'packages that npm installs for production; drop one before another comes in').toBeLessThanOrEqual(
      rules.LIMITS.productionPackages,
    );
  });
});

describe('purity', () => {
  const pure = productCode.filter(file => rules.PURE.some(folder => under(file.path, folder)));

  test('nothing below the engine, and nothing that plans, reads a clock, draws random numbers or starts timers', () => {
    const found = pure.flatMap(file =>
      file.impurities.map(({ line, what }) => `${file.path}:${line} uses ${what}: take it through a port or as an argument`),
    );
    expect(found).toEqual([]);
  });

  test('nothing below the engine, and nothing that plans, imports a module that does I/O', () => {
    expect(pure.flatMap(file => file.imports.flatMap(imported => impureImport(file, imported) ?? []))).toEqual([]);
  });
});

describe('sizes and syntax', () => {
  test(`a file has at most ${rules.LIMITS.fileLines} lines, tables of data aside`, () => {
    const long = sources.flatMap(file => {
      const limit = rules.TEST.test(file.path) ? rules.LIMITS.testFileLines : rules.LIMITS.fileLines;
      return file.lines > limit ? [`${file.path} has ${file.lines} lines, ${limit} are the limit: split it by concept`] : [];
    });
    expect(long).toEqual([]);
  });

  test(`a function has at most ${rules.LIMITS.functionLines} lines`, () => {
    const long = sources
      .filter(file => !rules.TEST.test(file.path))
      .flatMap(file => file.functions.map(fn => ({ ...fn, path: file.path })))
      .filter(fn => fn.lines > rules.LIMITS.functionLines)
      .map(
        fn =>
          `${fn.path}:${fn.line} ${fn.name} has ${fn.lines} lines, ${rules.LIMITS.functionLines} are the limit: split it by what it does`,
      );
    expect(long).toEqual([]);
  });

  test('there are no default exports, re-exports, enums, namespaces, nor state at module level', () => {
    // A test may hold what its hooks set up in a module-level variable.
    const allowed = (file: SourceFile, what: string): boolean => what.includes('state') && !productCode.includes(file);
    const found = sources.flatMap(file =>
      file.unwantedSyntax.filter(({ what }) => !allowed(file, what)).map(({ line, what }) => `${file.path}:${line} has ${what}`),
    );
    expect(found).toEqual([]);
  });

  test('every file of the product opens with a comment that says what it is', () => {
    const silent = product.filter(
      file => !/^(#!.*\n)?\/[*/]/.test(readFileSync(join(ROOT, file.path), 'utf8')) && !rules.TEST.test(file.path),
    );
    expect(silent.map(file => `${file.path} does not open with a comment: what is it, and why?`)).toEqual([]);
  });
});

describe('the repository', () => {
  test('no file names a path of one machine', () => {
    const text = files.filter(path => !/\.(png|svg|ico|rdb|aof|gz|tar)$/.test(path) && !rules.MACHINE_PATH_EXEMPT.includes(path));
    const found = text.flatMap(path =>
      readFileSync(join(ROOT, path), 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          rules.MACHINE_PATHS.test(line) ? [`${path}:${index + 1} names a path of one machine: ${line.trim().slice(0, 100)}`] : [],
        ),
    );
    expect(found).toEqual([]);
  });

  test('ARCHITECTURE.md names every folder that holds files', () => {
    const map = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const folders = [...new Set(files.filter(path => path.includes('/')).map(path => dirname(path)))].toSorted();
    const isNamed = (folder: string): boolean => map.includes(`${folder}/`) || map.includes(`${dirname(folder)}/*/`);
    expect(folders.filter(folder => !isNamed(folder)).map(folder => `ARCHITECTURE.md does not say what ${folder}/ is`)).toEqual([]);
  });
});

describe('the checks themselves', () => {
  const parse = (text: string): SourceFile => parseText('server/commands/sample.ts', text);

  test('an import from above, from a sibling and from the other program is found', () => {
    const targets = ['../engine/dispatch.ts', '../cluster/gossip.ts', '../../operator/api/spec.ts', '../core/command.ts'];
    expect(targets.map(target => layerViolations(parse(`import type { X } from '${target}';`)).length)).toEqual([1, 1, 1, 0]);
  });

  test('clocks, randomness, timers and process state are found, their names in strings and types are not', () => {
    const impure =
      'const a = Date.now(); const b = new Date(); const c = Math.random(); setTimeout(f, 1); const d = process.env.X; performance.now();';
    const harmless =
      "const a = 'Date.now()'; const b = new Date(5); const process = 1; type T = typeof setTimeout; clock.now(); // Math.random()";
    expect([parse(impure).impurities.length, parse(harmless).impurities.length]).toEqual([6, 0]);
  });

  test('a table of data does not count as lines, a long function does', () => {
    const rows = '  { name: 1, f: x => x },\n'.repeat(500);
    const table = parse(`export const TABLE = [\n${rows}];\n`);
    const long = parse(`export function f() {\n${'  g();\n'.repeat(80)}}\n`);
    expect([table.lines, long.lines, long.functions[0].lines]).toEqual([0, 82, 82]);
  });

  test('enums, default exports, re-exports and module-level let are found', () => {
    const text = "enum A { B }\nexport default 1;\nexport * from './a.ts';\nexport { b } from './b.ts';\nlet state = 0;\n";
    expect(parse(text).unwantedSyntax.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a cycle through type imports is found', () => {
    const a = parseText('lib/a.ts', "import type { B } from './b.ts';");
    const b = parseText('lib/b.ts', "import type { A } from './a.ts';");
    expect(findCycles([a, b])).toEqual(['lib/a.ts → lib/b.ts → lib/a.ts']);
  });
});
