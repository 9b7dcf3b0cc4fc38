// A certified OpenID provider that others wrote (npm's oidc-provider), on a loopback port, for the tests of tokend.
//
//   npm ci && node server.mjs        prints one line on standard output: ready http://127.0.0.1:PORT
//
// It ends when its standard input ends, so that it outlives no test that started it, and after MAX_LIFETIME_SECONDS.
//
// environment             default
//   PORT                  0      a port; 0 is any free one
//   CC_TTL                10     seconds that a token of client_credentials lives
//   AT_TTL                10     seconds that the access token of a login lives
//   ID_TTL                AT_TTL seconds that an id token lives
//   MAX_LIFETIME_SECONDS  600    seconds until it ends by itself
//
// Clients are in clients.mjs; what a test can see and break (`/_ctl/…`) is in control.mjs; what a person sees in a
// browser is in pages.mjs; the browser itself is driven by browser.mjs, which runs by itself.

import { createServer } from 'node:http';

import { control, makeLedger } from './control.mjs';
import { pages } from './pages.mjs';
import { decideDevice, grants, logInto, makeProvider, makeStore, verifyIdToken } from './provider.mjs';
import { whoami } from './service.mjs';

// The library prints notices with console.info; standard output carries the line `ready` alone.
console.info = console.error;

const port = seconds('PORT', 0);
const lifetime = seconds('MAX_LIFETIME_SECONDS', 600);
const ttl = { clientCredentials: seconds('CC_TTL', 10), accessToken: seconds('AT_TTL', 10), idToken: seconds('ID_TTL', seconds('AT_TTL', 10)) };

const end = (why) => {
  console.error(`oidc-provider: ends: ${why}`);
  process.exit(0);
};
setTimeout(end, lifetime * 1000, `MAX_LIFETIME_SECONDS=${lifetime} are over`);
process.stdin.on('error', () => end('standard input broke')).on('close', () => end('standard input ended')).resume();

// The issuer names the port, and port 0 is known only once the server listens.
const server = createServer();
server.on('error', (error) => {
  console.error(`oidc-provider: cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const store = makeStore();
  const ledger = makeLedger();
  let answers;
  const begin = () => {
    const made = makeProvider({ issuer, ttl, store });
    const { provider } = made;
    const more = {
      'POST /_ctl/login': logInto(provider),
      'POST /_ctl/device': decideDevice(provider),
      'POST /_ctl/verify': verifyIdToken(made),
      'POST /_ctl/rotate': () => {
        begin();
        return {};
      },
    };
    // Koa runs these in this order, then the library's own routes.
    provider.use(control({ issuer, ledger, store, more }));
    provider.use(whoami(made));
    provider.use(pages({ provider, askForGrant: grants(provider) }));
    answers = provider.callback();
  };
  begin();
  server.on('request', (request, response) => answers(request, response));
  console.log(`ready ${issuer}`);
});

function seconds(name, fallback) {
  const text = process.env[name] || String(fallback);
  if (!/^\d{1,6}$/.test(text)) {
    console.error(`oidc-provider: ${name}=${text} is not a whole number`);
    process.exit(2);
  }
  return Number(text);
}
