/**
 * Every sentence that a script shows. Each failure says what happened and what to do next.
 *
 * @typedef {{ happened: string, next: string }} Message
 *
 * @typedef {object} Messages
 * @property {(failure: Failure) => Message} explain
 * @property {string} dingtalkSaid
 * @property {string} requestId
 * @property {string} copied
 * @property {string} copyByHand
 * @property {Record<'accepted' | 'refused' | 'acceptedText' | 'refusedText', string>} config
 * @property {Record<'ok' | 'failed' | 'cancelled', string>} outcomes
 * @property {Record<string, string>} samples
 */
h5.messages = (function () {
  'use strict';

  /** @type {Record<string, Message>} By problem code. */
  const problems = {
    code_rejected: {
      happened: 'DingTalk did not accept the sign-in code.',
      next: 'Try again. If it keeps happening, close this page and open it again from DingTalk.',
    },
    retry_with_new_code: {
      happened: 'DingTalk was interrupted while checking who you are.',
      next: 'Try again in a moment.',
    },
    code_in_use: {
      happened: 'This sign-in is already under way in another window.',
      next: 'Wait a moment, then try again.',
    },
    state_rejected: {
      happened: 'The sign-in of this page is no longer valid.',
      next: 'Try again. If it keeps happening, this browser may block cookies: allow them, or open the app in its own window.',
    },
    origin_rejected: {
      happened: 'The sign-in came from an address that this app does not trust.',
      next: 'Close this page and open the app again from DingTalk.',
    },
    login_required: {
      happened: 'Your session has ended.',
      next: 'Try again to sign in.',
    },
    user_changed: {
      happened: 'Somebody else is signed in to DingTalk now.',
      next: 'The page is being loaded again.',
    },
    session_lost: {
      happened: 'You were signed in, but your session does not come back.',
      next: 'This browser seems to block cookies for this page. Allow them, or open the app in its own window, then try again.',
    },
    wrong_address: {
      happened: 'This app is served at another address.',
      next: 'Open it there to sign in.',
    },
    dingtalk_unavailable: {
      happened: 'DingTalk cannot be reached at the moment.',
      next: 'Wait a minute, then try again.',
    },
    misconfigured: {
      happened: 'This app is not set up correctly.',
      next: 'Please tell your administrator, with the reference below.',
    },
    rate_limited: {
      happened: 'There were too many attempts in a short time.',
      next: 'Wait a minute, then try again.',
    },
    url_rejected: {
      happened: 'This address cannot be signed for DingTalk.',
      next: 'Open the app again from DingTalk.',
    },
    not_found: {
      happened: 'The server does not know this request.',
      next: 'Load the page again: it may be out of date.',
    },
    internal: {
      happened: 'Something went wrong on our side.',
      next: 'Try again. If it keeps happening, tell your administrator the reference below.',
    },
  };
  // The page and the server no longer speak the same language: to the reader these are one case.
  problems.bad_request = problems.not_found;
  problems.unsupported_media_type = problems.not_found;
  problems.payload_too_large = problems.not_found;
  problems.method_not_allowed = problems.not_found;

  /** @type {Record<string, Message>} By kind, where there was no answer from the server. */
  const kinds = {
    timeout: {
      happened: 'DingTalk did not answer.',
      next: 'Try again. If it keeps happening, close this page and open it again from DingTalk.',
    },
    refused: {
      happened: 'DingTalk refused the request.',
      next: 'Try again. If it keeps happening, show your administrator what DingTalk said.',
    },
    cancelled: {
      happened: 'It was cancelled.',
      next: 'Try again when you are ready.',
    },
    outside: {
      happened: 'This page is not open in DingTalk.',
      next: 'Open it in DingTalk.',
    },
    'no-library': {
      happened: 'The part of this page that talks to DingTalk could not be loaded.',
      next: 'Check your network connection, then try again.',
    },
    network: {
      happened: 'The server cannot be reached.',
      next: 'Check your network connection, then try again.',
    },
  };

  /**
   * @param {Failure} failure
   * @returns {Message}
   */
  function explain(failure) {
    const messages = failure.kind === 'problem' ? problems : kinds;
    const key = failure.kind === 'problem' ? failure.code : failure.kind;
    return messages.hasOwnProperty(key) ? messages[key] : problems.internal;
  }

  return {
    explain,
    dingtalkSaid: 'DingTalk said: ',
    requestId: 'Reference: ',
    copied: 'Copied',
    copyByHand: 'Selected – now copy it',
    config: {
      accepted: 'Accepted',
      refused: 'Refused',
      acceptedText: 'DingTalk accepted the signature of this page. Every call below is open.',
      refusedText: 'Calls that need the signature will fail. The others still work.',
    },
    outcomes: { ok: 'OK', failed: 'Failed', cancelled: 'Cancelled' },
    samples: {
      alertTitle: 'Hello',
      alert: 'This dialog was opened by the page.',
      button: 'Got it',
      toast: 'Saved',
      confirmTitle: 'One question',
      confirm: 'Do you like this app?',
      confirmNo: 'Not yet',
      confirmYes: 'Yes',
      title: 'A new title',
    },
  };
})();
