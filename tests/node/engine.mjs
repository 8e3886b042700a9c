// The oldest engine that the pages are made for, and what MDN's compatibility data says it lacks.

import { createRequire } from 'node:module';

/** The WebView of DingTalk 7.0 for Android. */
export const ENGINE = 69;

const data = createRequire(import.meta.url)('@mdn/browser-compat-data');

function has({ __compat: compat }) {
  const inChrome = compat && compat.support.chrome ? [compat.support.chrome].flat() : [];
  // "≤80" is what is written when nobody knows since when.
  const isOld = (version) => typeof version === 'string' && (version.startsWith('≤') || parseFloat(version) <= ENGINE);
  return inChrome.some((entry) => isOld(entry.version_added) && !isOld(entry.version_removed) && !entry.prefix && !entry.flags);
}

/** The names in these groups of features that are in none of them for the engine. */
function lacking(...groups) {
  const features = groups.flatMap((group) => Object.entries(group)).filter(([name]) => name !== '__compat');
  const known = new Set(features.filter(([, feature]) => has(feature)).map(([name]) => name.replace(/_static$/, '')));
  return [...new Set(features.map(([name]) => name))].filter((name) => !known.has(name));
}

const { api, javascript, css } = data;

// Not what is newer there: `calendar` and `script` are words of everybody's data.
const intl = Object.values(javascript.builtins.Intl).flatMap(Object.entries).filter(([, feature]) => has(feature)).map(([name]) => name);

/** Names that no object has, of the language or of the browser: without types, a name is all that a linter sees of `a.b`. */
export const members = lacking(...Object.values(api), ...Object.values(javascript.builtins), api).filter((name) => !intl.includes(name));

/** Every global there ever was, so that linters know them for globals. */
export const globals = Object.keys({ ...api, ...javascript.builtins });

export const properties = lacking(css.properties);
export const pseudos = lacking(css.selectors);
export const atRules = lacking(css['at-rules']);
export const mediaFeatures = lacking(css['at-rules'].media);
export const functions = lacking(...Object.values(css.types), css.types);
