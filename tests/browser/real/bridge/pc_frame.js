// The host page of an older PC client, and of web entries: the app runs in its frame and talks by messages.
if (window === top) {
  const listen = () => addEventListener('message', ({ data, source, origin }) => {
    if (data.type !== 'request') return;
    const respond = (success) => (body) => source.postMessage({ type: 'response', msgId: data.msgId, success, body }, origin);
    client.answer(data.methodName, data.body).then(respond(true), respond(false));
  });

  client.start(listen);

  addEventListener('DOMContentLoaded', () => {
    const frame = document.createElement('iframe');
    const hostOrigin = location.origin;
    frame.name = JSON.stringify({ containerId: 'frame-1', hostOrigin, hostVersion: '6.5.30', language: 'en-US' });
    frame.src = location.hash.slice(1);
    frame.width = '1000';
    frame.height = '700';
    document.body.appendChild(frame);
  });
}
