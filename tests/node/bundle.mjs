// Makes of each pinned, unmodified dingtalk-jsapi what DingTalk's CDN serves: one classic script that sets window.dd, or that
// defines itself where an AMD loader is present.
//
//   node bundle.mjs <directory>      writes <directory>/<version>.js and prints the versions

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';

const PACKAGES = ['dingtalk-jsapi-2.10', 'dingtalk-jsapi-3.0', 'dingtalk-jsapi'];

// The wrapper that webpack puts around a library of type "umd".
const HEAD = `(function (root, factory) {
  if (typeof exports === 'object' && typeof module === 'object') module.exports = factory();
  else if (typeof define === 'function' && define.amd) define([], factory);
  else if (typeof exports === 'object') exports.dd = factory();
  else root.dd = factory();
})(this, function () { var module = { exports: {} }, exports = module.exports;`;
const TAIL = 'return module.exports; });';

const [directory] = process.argv.slice(2);
const require = createRequire(import.meta.url);

for (const name of PACKAGES) {
  const { version } = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8'));
  await build({
    entryPoints: [require.resolve(`${name}/index.js`)],
    outfile: join(directory, `${version}.js`),
    bundle: true,
    platform: 'browser',
    format: 'cjs',
    target: 'es2017',
    banner: { js: HEAD },
    footer: { js: TAIL },
    logLevel: 'error',
  });
  console.log(version);
}
