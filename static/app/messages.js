/**
 * What scripts say to people. Each failure says what happened and what to do next. The words come with the page, in
 * its language; what the server calls a problem comes with its answer.
 *
 * @typedef {{ happened: string, next: string }} Message
 *
 * @typedef {object} Messages
 * @property {(failure: Failure) => Message} explain
 * @property {string} dingtalkSaid
 * @property {string} requestId
 * @property {string} copied
 * @property {string} copyByHand
 */
h5.messages = (function () {
  'use strict';

  /** What a page finds out by itself, by code. */
  const TROUBLES = ['user_changed', 'session_lost', 'wrong_address', 'no_auth_code', 'no_such_api'];

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const words = JSON.parse(script.dataset.words || '');

  /**
   * @param {Failure} failure
   * @returns {Message}
   */
  function explain(failure) {
    if (TROUBLES.indexOf(failure.code) >= 0) return words[failure.code];
    if (failure.kind === 'problem' && failure.text) return { happened: failure.text, next: failure.next || '' };
    return words[failure.kind.replace('-', '_')] || words.problem;
  }

  return {
    explain,
    dingtalkSaid: words.dingtalk_said,
    requestId: words.request_id,
    copied: words.copied,
    copyByHand: words.copy_by_hand,
  };
})();
