/**
 * One step of the signature clinic: configures this page by its recipe, notes what the client says, and goes on to the
 * next page. The last one shows all results as text that can be copied into an issue.
 */
(function () {
  'use strict';

  /** @typedef {{ recipe: string, outcome: 'accepted' | 'refused' | 'timeout' | 'outside' | 'no_library' | 'cancelled', said: string }} Trial */

  const TRIALS_KEY = 'h5.clinic';
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  /** @type {{ done: string, no_storage: string }} */
  const words = JSON.parse(script.dataset.words || '{}');
  const page = /** @type {HTMLElement} */ (document.getElementById('clinic'));
  const { recipe, jsapi, next } = page.dataset;

  if (recipe && jsapi) tryOut(recipe, JSON.parse(jsapi));
  else remember([]);

  /**
   * Odd recipes are refused on purpose: nothing to report.
   * @param {string} recipe
   * @param {ConfigValues} values
   */
  function tryOut(recipe, values) {
    h5.client.tryConfigure(values).then(
      () => goOn({ recipe, outcome: 'accepted', said: '' }),
      (failure) => goOn({ recipe, outcome: failure.kind, said: [failure.code, failure.text].filter(Boolean).join(' ') }),
    );
  }

  /** @param {Trial} trial */
  function goOn(trial) {
    const trials = remembered().filter((earlier) => earlier.recipe !== trial.recipe).concat(trial);
    if (!remember(trials)) part('clinic-progress').textContent = words.no_storage;
    else if (next) location.replace(next);
    else show(trials);
  }

  /** @param {Trial[]} trials */
  function show(trials) {
    // The library's `version` is that of the client.
    const library = /** @type {HTMLScriptElement} */ (part('jsapi-script')).src;
    const client = h5.client.describe();
    const known = ['platform', 'platformSub', 'version', 'appType', 'language'].filter((name) => client[name]);
    const about = ['library: ' + library].concat(known.map((name) => name + ': ' + client[name]));
    const results = trials.map((trial) => [trial.outcome, trial.recipe, trial.said].filter(Boolean).join('  '));
    const report = /** @type {HTMLTextAreaElement} */ (part('clinic-report'));
    report.value = about.concat('userAgent: ' + navigator.userAgent, 'url: ' + location.href, '', results).join('\n');
    part('clinic-progress').textContent = words.done;
    part('clinic-results').hidden = false;
    part('clinic-copy').addEventListener('click', () => {
      report.select();
      // iPhones select by range only.
      report.setSelectionRange(0, report.value.length);
      const isCopied = document.execCommand('copy');
      part('clinic-copied').textContent = isCopied ? h5.messages.copied : h5.messages.copy_by_hand;
      if (isCopied) part('clinic-copy').focus();
    });
  }

  /** @returns {Trial[]} */
  function remembered() {
    try {
      return JSON.parse(sessionStorage.getItem(TRIALS_KEY) || '[]');
    } catch (error) {
      return [];
    }
  }

  /**
   * @param {Trial[]} trials
   * @returns {boolean} Whether the browser keeps them.
   */
  function remember(trials) {
    try {
      sessionStorage.setItem(TRIALS_KEY, JSON.stringify(trials));
      return true;
    } catch (error) {
      return false;
    }
  }

  /**
   * @param {string} id
   * @returns {HTMLElement}
   */
  function part(id) {
    return /** @type {HTMLElement} */ (document.getElementById(id));
  }
})();
