/**
 * What differs in DingTalk's window: it has a title bar of its own, and other sites open in windows of their own.
 */
(function () {
  'use strict';

  if (h5.client.whereabouts() !== 'inside') return;
  const ours = [location.origin, document.documentElement.dataset.publicUrl];

  h5.client.tellTitle();

  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || event.defaultPrevented || !leadsAway(link)) return;
    event.preventDefault();
    h5.client.call('biz.util.openLink', { url: link.href }).catch((failure) => {
      // A client that only never answered has most likely opened it.
      if (failure.kind === 'refused') location.assign(link.href);
    });
  });

  /** @param {HTMLAnchorElement} link */
  function leadsAway(link) {
    const isSite = link.protocol === 'https:' || link.protocol === 'http:';
    return isSite && ours.indexOf(link.origin) < 0;
  }
})();
