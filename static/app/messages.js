/**
 * What scripts say to people. Each failure says what happened and what to do next. The words come with the page, in
 * its language; what the server calls a problem comes with its answer.
 *
 * @typedef {{ happened: string, next: string }} Message
 *
 * @typedef {'user_changed' | 'session_lost' | 'wrong_address' | 'queue_too_long' | 'no_auth_code' | 'no_such_api'} Trouble
 *   The code of what a page finds out by itself.
 *
 * @typedef {Record<Failure['kind'] | Trouble, Message>} Explanations
 * @typedef {Record<'queued_seconds' | 'queued_minutes' | 'dingtalk_said' | 'request_id' | 'copied' | 'copy_by_hand',
 *   string>} Phrases
 *
 * @typedef {Explanations & Phrases} Words
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
    // The library's numbers for what a client or a platform lacks.
    const code = /^(1|4050)$/.test(failure.code) ? 'no_such_api' : failure.code;
    const trouble = words[/** @type {Trouble} */ (code)];
    if (trouble && trouble.happened) return trouble;
    if (failure.kind === 'problem' && failure.text) return { happened: failure.text, next: failure.next || '' };
    return words[failure.kind] || words.problem;
  }

  return Object.assign({ explain }, words);
})();
