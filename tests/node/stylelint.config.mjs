// Styles that Chrome 69 reads as they are meant.

import features from 'stylelint-no-unsupported-browser-features';
import { ENGINE, atRules, functions, mediaFeatures, properties, pseudos } from './engine.mjs';

// What an old engine may skip without harm.
const degradesByItself = {
  features: [
    'css-overflow', // Only its newer values are missing; they are refused below.
    'css-focus-visible', // Without it every focus is outlined; see the selector below.
    'prefers-reduced-motion', // Without it there is a little motion.
    'css-media-scripting', // Without it a spinner turns above the sentence that says that JavaScript is off.
  ],
  mediaFeatures: ['prefers-reduced-motion', 'scripting'],
};

export default {
  plugins: [features],
  rules: {
    'plugin/no-unsupported-browser-features': [true, { browsers: [`chrome ${ENGINE}`, 'ios_saf 12.2-12.5'], ignore: degradesByItself.features }],
    'property-disallowed-list': properties,
    'function-disallowed-list': functions,
    'selector-pseudo-class-disallowed-list': pseudos.filter((name) => name !== 'focus-visible'),
    'at-rule-disallowed-list': atRules,
    'media-feature-name-disallowed-list': mediaFeatures.filter((name) => !degradesByItself.mediaFeatures.includes(name)),
    'selector-disallowed-list': ['/(?<!:not\\():focus-visible/'],
    'declaration-property-value-disallowed-list': { '/^overflow/': ['clip', 'overlay', 'anywhere'], color: ['/ \\/ /'] },
    'no-duplicate-selectors': true,
  },
};
