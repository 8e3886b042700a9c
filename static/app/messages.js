/**
 * What scripts say to people. Each failure says what happened and what to do next. The words come with the page, in
 * its language; what the server calls a problem comes with its answer.
 *
 * @typedef {{ happened: string, next: string }} Message
 *
 * @typedef {object} Words
 * @property {Record<Failure['kind'], Message>} failures  By kind.
 * @property {Record<string, Message>} troubles  By code, for those that a page finds out by itself.
 * @property {string} dingtalkSaid
 * @property {string} requestId
 * @property {string} copied
 * @property {string} copyByHand
 *
 * @typedef {Words & { explain: (failure: Failure) => Message }} Messages
 */
h5.messages = (function () {
  'use strict';

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  /** @type {Words} */
  const words = JSON.parse(script.dataset.words || '');

  /**
   * @param {Failure} failure
   * @returns {Message}
   */
  function explain(failure) {
    if (words.troubles.hasOwnProperty(failure.code)) return words.troubles[failure.code];
    if (failure.kind === 'problem' && failure.text) return { happened: failure.text, next: failure.next || '' };
    return words.failures[failure.kind] || words.failures.problem;
  }

  return Object.assign({ explain }, words);
})();
