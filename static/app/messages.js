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
 */
h5.messages = (function () {
  'use strict';

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  /** @type {Words} */
  const words = JSON.parse(script.dataset.words || '');

  /**
   * `said`, DingTalk's own words, is for an administrator.
   * @param {Failure} failure
   */
  function explain({ kind, code, text, next = '' }) {
    // The library's numbers for what a client or a platform lacks.
    const known = words[/** @type {Trouble} */ (/^(1|4050)$/.test(code) ? 'no_such_api' : code)];
    const told = kind === 'problem' && text ? { happened: text, next } : known && known.happened && known;
    const reason = kind === 'refused' && (text || (told ? '' : code || '–'));
    // A long text would push the button off the screen.
    const said = reason ? words.dingtalk_said + reason.slice(0, 200) : '';
    return Object.assign({ said }, told || words[kind] || words.problem);
  }

  return Object.assign({ explain }, words);
})();
