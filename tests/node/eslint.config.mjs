// Old engines: what Chrome 69, the WebView of DingTalk 7.0 for Android, cannot parse or does not have; and what would break the page
// inside the client, whatever the engine.

import compat from 'eslint-plugin-compat';
import esx from 'eslint-plugin-es-x';
import { ENGINE, globals, members } from './engine.mjs';
import { members as own } from './members.mjs';

const inTheClient = [
  {
    selector: 'MemberExpression[property.name=/^(pushState|replaceState)$/]',
    message: 'The client checks the signature against the address that was loaded: no pushState.',
  },
  {
    selector: 'AssignmentExpression > MemberExpression.left:matches([property.name="name"], [property.value="name"])[object.name=/^(window|self|top|parent|globalThis|frames)$/]',
    message: 'The PC client keeps its container in window.name.',
  },
  {
    selector: 'AssignmentExpression > Identifier.left[name="name"]',
    message: 'Without a declaration in sight this may be window.name, where the PC client keeps its container.',
  },
  {
    selector: 'Program > VariableDeclaration[kind="var"] Identifier[name="name"], Program > FunctionDeclaration[id.name="name"]',
    message: 'In a classic script this is window.name, where the PC client keeps its container.',
  },
  {
    selector: 'MemberExpression[property.name="open"][object.name="window"]',
    message: 'A window with a name of ours: use biz.util.openLink.',
  },
];

// The compat plugin knows objects and what hangs on them; this knows the rest, such as `element.replaceChildren`.
const ours = ['config', 'configure', 'messages', 'session'];
const tooNew = members
  .filter((name) => !ours.includes(name) && !own.includes(name))
  .map((property) => ({ property, message: `Chrome ${ENGINE} has no such member. If data has it: tests/node/members.mjs.` }));

// Of methods this one knows names, too: `order.description` may be a symbol's.
const taken = own.map((name) => name.toLowerCase());
const takenForNew = Object.keys(esx.rules).filter((rule) => {
  const [, methods = ''] = rule.split('-prototype-');
  return methods.split('-').some((name) => taken.includes(name));
});

export default [
  {
    ...compat.configs['flat/recommended'],
    files: ['**/*.js'],
    languageOptions: {
      ecmaVersion: 2017,
      sourceType: 'script',
      globals: Object.fromEntries(globals.map((name) => [name, 'readonly'])),
    },
    linterOptions: { noInlineConfig: true },
    settings: {
      browsers: [`chrome ${ENGINE}`, 'ios_saf 12.2-12.5'],
      lintAllEsApis: true,
      'es-x': { aggressive: true },
    },
    plugins: { compat, 'es-x': esx },
    rules: {
      ...esx.configs['flat/restrict-to-es2017'].rules,
      ...Object.fromEntries(takenForNew.map((rule) => [`es-x/${rule}`, 'off'])),
      'compat/compat': 'error',
      'no-restricted-properties': ['error', ...tooNew],
      'no-restricted-syntax': ['error', ...inTheClient],
    },
  },
];
