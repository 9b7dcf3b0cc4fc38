// What a test can see and break, as middleware in front of the provider.
//
//   GET  /_ctl/seen     every request but these, in order: {method, path, grant, client, auth, scope, resource, audience, refresh, hint, assertion,
//                       pkce, redirect, status, time, fault, real} (refresh is the refresh token's SHA-256 in hex; assertion is {alg, kid, aud, jti}
//                       of what the client signed; status is null while there is no answer, and real is that of a request which was carried out
//                       although its answer was lost; time is in Unix milliseconds; no secret, no token)
//   POST /_ctl/reset    forgets what was seen, and the faults
//   POST /_ctl/fault    {mode, match, grant, client, count, after, …} a fault for the next requests that fit; the oldest that fits wins
//   POST /_ctl/client   {client_id, client_secret} changes a client; {client_id, like} makes one like another
//   POST /_ctl/key      {client_id, alg, form, kid} a new key for a client that signs: {private_key}; form is pkcs8, pkcs1, sec1 or jwk
//   POST /_ctl/sign     {client_id, sub} an assertion of RFC 7523 that the newest key of this client signed: {assertion}
//   POST /_ctl/login    {client_id, scope, sub} a login without a browser: {refresh_token}
//   POST /_ctl/device   {user_code, act, sub} what a person does with a device's code, act is approve or deny
//   POST /_ctl/rotate   the provider signs with other keys from now on, and takes the old ones' signatures no more
//   POST /_ctl/verify   {id_token, client_id} the provider's own look at an id token: {header, claims}
//
// `match` is a path (default /token; `/x*` is a prefix). `count` is how many requests it meets (default 1). With `after` the request
// is carried out for real and only its answer is lost. The modes:
//   status    {status: 503, retry_after}    an error of the kind that passes
//   error     {status: 400, error: "invalid_grant"}    a no, as RFC 6749 5.2 has it
//   html      {status: 200}    a page, as a captive portal sends
//   garbage   JSON that breaks off      truncate  an answer that is shorter than its Content-Length
//   drop      the connection is closed  hang      no answer
//   slow      {ms: 1000}    the real answer, later
//   redirect  {location}    to another place
//   edit      {set: {expires_in: "10", scope: null}}    the real answer with fields changed, null takes one away

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { decodeJwt, decodeProtectedHeader } from 'jose';

import { assertion, makeKey } from './keys.mjs';

const BODY_LIMIT = 64 * 1024;

/// What was seen, the faults that are to come, and the clients' keys. They outlive a provider that gets other keys.
export function makeLedger() {
  return { seen: [], faults: [], keys: new Map() };
}

/// `store` is the provider's own (see `makeStore`); `more` are further routes, each a function of the request's JSON.
export function control({ issuer, ledger: { seen, faults, keys }, store, more }) {
  const change = ({ client_id, like = client_id, ...change }) => {
    const entry = store.get(`Client:${like}`);
    if (!entry) throw new Error(`no client ${like}`);
    store.set(`Client:${client_id}`, { ...entry, payload: { ...entry.payload, client_id, ...change } });
    return {};
  };

  const routes = {
    'GET /_ctl/seen': () => seen,
    'POST /_ctl/reset': () => {
      seen.length = 0;
      faults.length = 0;
      return {};
    },
    'POST /_ctl/fault': (fault) => {
      if (!Object.hasOwn(MODES, fault.mode)) throw new Error(`mode is one of ${Object.keys(MODES).join(' ')}`);
      faults.push({ match: '/token', count: 1, ...fault });
      return faults;
    },
    'POST /_ctl/client': change,
    'POST /_ctl/key': async ({ client_id, alg, form = 'pkcs8', kid }) => {
      const { publicJwk, privateKey, text } = await makeKey({ alg, form, kid });
      change({ client_id, jwks: { keys: [publicJwk] } });
      keys.set(client_id, { alg, privateKey });
      return { private_key: text };
    },
    'POST /_ctl/sign': async ({ client_id, sub }) => ({ assertion: await assertion({ ...keys.get(client_id), issuer, client_id, sub }) }),
    ...more,
  };

  return async (ctx, next) => {
    const body = await read(ctx.req);
    if (ctx.path.startsWith('/_ctl/')) return answerControl(ctx, routes[`${ctx.method} ${ctx.path}`], body);

    // The library takes the body from here when the stream has been read.
    ctx.req.body = body;
    const request = describe(ctx, body);
    seen.push(request);
    ctx.res.once('finish', () => {
      request.status = ctx.res.statusCode;
    });

    const fault = faults.find((it) => it.count > 0 && fits(it, request));
    if (!fault) return next();
    fault.count -= 1;
    request.fault = fault.mode;
    if (fault.after) {
      await next();
      request.real = ctx.status;
    }
    return MODES[fault.mode](ctx, fault, next);
  };
}

const MODES = {
  status(ctx, { status = 503, retry_after }) {
    if (retry_after !== undefined) ctx.set('retry-after', String(retry_after));
    answer(ctx, status, { error: 'temporarily_unavailable' });
  },
  error(ctx, { status = 400, error = 'invalid_grant' }) {
    answer(ctx, status, { error, error_description: 'a fault that the test asked for' });
  },
  html(ctx, { status = 200 }) {
    answer(ctx, status, '<!doctype html><html><title>Sign in to the network</title></html>', 'html');
  },
  garbage(ctx) {
    answer(ctx, 200, '{"access_token":', 'json');
  },
  truncate(ctx) {
    ctx.respond = false;
    ctx.res.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 });
    ctx.res.write('{"access_token":"abc', () => ctx.res.destroy());
  },
  drop(ctx) {
    ctx.respond = false;
    ctx.req.socket.destroy();
  },
  hang(ctx) {
    ctx.respond = false;
  },
  async slow(ctx, { ms = 1000, after }, next) {
    await sleep(ms);
    if (!after) await next();
  },
  redirect(ctx, { location }) {
    ctx.set('location', location);
    answer(ctx, 307, '', 'text');
  },
  async edit(ctx, { set, after }, next) {
    if (!after) await next();
    ctx.body = Object.fromEntries(Object.entries({ ...ctx.body, ...set }).filter(([, value]) => value !== null));
  },
};

function answer(ctx, status, body, type = 'json') {
  ctx.status = status;
  ctx.body = body;
  ctx.type = type;
}

async function answerControl(ctx, route, body) {
  if (!route) return answer(ctx, 404, { error: `no ${ctx.method} ${ctx.path}` });
  try {
    return answer(ctx, 200, await route(body.length ? JSON.parse(body) : {}));
  } catch (error) {
    return answer(ctx, 400, { error: error.message });
  }
}

function fits({ match, grant, client }, request) {
  const path = match.endsWith('*') ? request.path.startsWith(match.slice(0, -1)) : request.path === match;
  return path && (!grant || grant === request.grant) && (!client || client === request.client);
}

/// The ledger's line for a request: who asked for what, without the secret.
function describe(ctx, body) {
  const form = new URLSearchParams(ctx.method === 'GET' ? ctx.querystring : ctx.is('urlencoded') ? body.toString() : '');
  const [, basic] = ctx.get('authorization').match(/^Basic +(\S+)$/i) ?? [];
  const assertion = readJwt(form.get('client_assertion') ?? form.get('assertion'));
  return {
    time: Date.now(),
    method: ctx.method,
    path: ctx.path,
    grant: form.get('grant_type'),
    client: basic ? idOf(basic) : (form.get('client_id') ?? assertion?.sub ?? null),
    auth: basic ? 'basic' : form.has('client_secret') ? 'post' : form.has('client_assertion') ? 'jwt' : null,
    scope: form.get('scope'),
    resource: form.getAll('resource'),
    audience: form.getAll('audience'),
    refresh: form.has('refresh_token') ? hash(form.get('refresh_token')) : null,
    hint: form.get('token_type_hint'),
    assertion: assertion && { alg: assertion.alg, kid: assertion.kid ?? null, aud: assertion.aud, jti: assertion.jti ?? null },
    pkce: form.get('code_challenge_method'),
    redirect: form.get('redirect_uri'),
    status: null,
    fault: null,
    real: null,
  };
}

/// The header and claims of a JWT that a client signed, unverified.
function readJwt(jwt) {
  try {
    return jwt && { ...decodeProtectedHeader(jwt), ...decodeJwt(jwt) };
  } catch {
    return null;
  }
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex');
}

/// The client id of a Basic header. RFC 6749 2.3.1: form-encoded, then base64.
function idOf(basic) {
  const [id] = Buffer.from(basic, 'base64').toString().split(':');
  return new URLSearchParams(`id=${id}`).get('id');
}

async function read(req) {
  const chunks = [];
  let length = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > BODY_LIMIT) throw Object.assign(new Error('request entity too large'), { status: 413, expose: true });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
