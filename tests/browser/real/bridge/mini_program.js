// A web-view inside a mini program: one native call that carries all others, and answers as JSON text.
const bridge = {
  call(carrier, { serviceName, actionName, args }, callback) {
    if (carrier !== 'webDdExec') throw new Error(`no native call is named ${carrier}`);
    const done = (success) => (content) => callback({ success, content: JSON.stringify(content) });
    client.answer(`${serviceName}.${actionName}`, args).then(done(true), done(false));
  },
};

client.start(() => {
  window.AlipayJSBridge = bridge;
  document.dispatchEvent(new Event('AlipayJSBridgeReady'));
});
