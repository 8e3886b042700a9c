// A PC client's own window. The library posts to its own window with the host's origin as the target, which a browser drops:
// the client takes such messages before they get there.
const HOST = 'https://im.dingtalk.com';
const container = { containerId: 'window-1', hostOrigin: HOST, hostVersion: '8.1.5', language: 'en-US' };
// In the laboratory the window is a frame, but the host is not above it.
if (window !== top) container.corsIframe = true;
window.name = JSON.stringify(container);

const say = (data) => window.dispatchEvent(new MessageEvent('message', { data, origin: HOST, source: window }));

function hear({ type, msgId, methodName, body }) {
  if (type !== 'request') return;
  const respond = (success) => (answer) => say({ type: 'response', msgId, success, body: answer });
  client.answer(methodName, body).then(respond(true), respond(false));
}

const post = window.postMessage.bind(window);
window.postMessage = (message, target, ...rest) => {
  if (target === HOST) hear(JSON.parse(JSON.stringify(message)));
  else post(message, target, ...rest);
};

client.start(() => {
  window.dingtalk = { platform: { invokeAPI() {} } };
  // A library that was loaded before has not seen it, and is introduced to its host.
  if (SETUP.ready !== 'at once') say({ type: 'request', msgId: 1, methodName: 'SYS_openAPIContainerInit', body: {} });
});
