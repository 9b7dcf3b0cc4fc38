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
//   MAX_LIFETIME_SECONDS  600    seconds until it ends by itself
//
// Clients are in provider.mjs; what a test can see and break (`/_ctl/…`) is in control.mjs.
// `GET /api/whoami` is a service that takes the tokens: 200 with what the token says, or 401.

import { createServer } from 'node:http';

import { control } from './control.mjs';
import { logInto, makeProvider, whoami } from './provider.mjs';

// The library prints notices with console.info; standard output carries the line `ready` alone.
console.info = console.error;

const port = seconds('PORT', 0);
const lifetime = seconds('MAX_LIFETIME_SECONDS', 600);
const ttl = { clientCredentials: seconds('CC_TTL', 10), accessToken: seconds('AT_TTL', 10) };

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
  const { provider, store, publicKeys } = makeProvider({ issuer, ttl });
  // Koa runs these in this order, then the library's own routes.
  provider.use(control({ store, logIn: logInto(provider) }));
  provider.use(whoami({ provider, issuer, publicKeys }));
  server.on('request', provider.callback());
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
