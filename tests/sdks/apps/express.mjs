// A small app as people write it: Express, and node-dingtalk, which knows no way out when a token is revoked but lets an app keep the cache.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const DingTalk = require('node-dingtalk');
const express = require('express');

const { CORP_ID: corpid, APP_SECRET: corpsecret, AGENT_ID: agentId, DINGTALK_URL: host } = process.env;

const kept = new Map();
const cache = {
  get: (key) => (kept.has(key) && kept.get(key).until > Date.now() ? kept.get(key).value : null),
  set: (key, value, until) => kept.set(key, { value, until })
};
const dingtalk = new DingTalk({ corpid, corpsecret, host, cache });

/** Makes a call, and makes it again with another token if the first one is not good any more. */
async function authorised(call) {
  try {
    return await call();
  } catch (error) {
    if (![40014, 42001].includes(error.code)) throw error;
    kept.clear();
    return call();
  }
}

const app = express();
app.use(express.json());

app.post('/login', async (request, response) => {
  const { userid, name } = await authorised(() => dingtalk.user.getUserInfoByCode(request.body.code));
  response.json({ userid, name });
});

app.get('/config', async (request, response) => {
  response.json({ agentId, ...await authorised(() => dingtalk.client.getJSApiConfig(request.query.url)) });
});

app.get('/people/:id', async (request, response) => {
  response.json(await authorised(() => dingtalk.client.get('user/get', { userid: request.params.id })));
});

// Express knows an error's handler by its four parameters.
app.use((error, request, response, next) => response.status(error.code === 40078 ? 401 : 502).json({ code: error.code }));

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
