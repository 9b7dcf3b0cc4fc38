// The provider itself: its clients, what it can do, where it keeps things. A further grant is a client in `clients()`,
// a lifetime in `ttl` and a line in `features`.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

import * as jose from 'jose';
import Provider, { errors } from 'oidc-provider';

const SCOPES = ['api:read', 'api:write'];
// Known, but no client may have it: invalid_scope. A scope that nobody knows is dropped from the answer.
const FORBIDDEN_SCOPE = 'api:admin';

/// One object per client, as in RFC 7591.
function clients() {
  // A program of a person's: each use of a refresh token brings another, and one that is used twice ends the login.
  const app = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'], application_type: 'native', scope: ['openid', 'offline_access', ...SCOPES].join(' ') };
  const service = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: SCOPES.join(' ') };
  return [
    { ...service, client_id: 'svc-basic', client_secret: 'basic-secret', token_endpoint_auth_method: 'client_secret_basic' },
    { ...service, client_id: 'svc-post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post' },
    // RFC 6749 2.3.1: id and secret are form-encoded before Basic. This client is refused to whoever does not do it:
    // the colon splits the pair in the wrong place, `%41` turns into `A`, `+` into a space.
    { ...service, client_id: 'svc:odd/id', client_secret: 'p%41ss+w=r&d/:~ x', token_endpoint_auth_method: 'client_secret_basic' },
    { ...app, client_id: 'app-public', token_endpoint_auth_method: 'none' },
    { ...app, client_id: 'app-basic', client_secret: 'app-secret', token_endpoint_auth_method: 'client_secret_basic' },
  ];
}

/// `ttl` is in seconds. Returns the provider (a Koa application), the store behind it, and its public keys.
export function makeProvider({ issuer, ttl }) {
  const key = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid: 'es', alg: 'ES256', use: 'sig' };
  const { d: _private, ...publicKey } = key;
  const store = new Map();
  for (const client of clients()) store.set(`Client:${client.client_id}`, { payload: client, expires: Infinity });

  const provider = new Provider(issuer, {
    adapter: adapterOn(store),
    jwks: { keys: [key] },
    // The library's own default is RS256, for which there is no key here (making one takes a second).
    clientDefaults: { id_token_signed_response_alg: key.alg },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', ...SCOPES, FORBIDDEN_SCOPE],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    ttl: { ClientCredentials: ttl.clientCredentials, AccessToken: ttl.accessToken, IdToken: ttl.accessToken, RefreshToken: 3600, Grant: 3600 },
    rotateRefreshToken: true,
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: async () => true },
      // RFC 8707. A token for a resource is a JWT, or opaque if the resource's name says so.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: (_ctx, resource) => {
          if (!resource.startsWith('urn:api:')) throw new errors.InvalidTarget();
          return {
            audience: resource,
            scope: SCOPES.join(' '),
            accessTokenTTL: ttl.clientCredentials,
            accessTokenFormat: resource.endsWith(':opaque') ? 'opaque' : 'jwt',
            jwt: { sign: { alg: key.alg, kid: key.kid } },
          };
        },
      },
    },
  });
  provider.on('server_error', (_ctx, error) => console.error('oidc-provider: server error:', error));
  return { provider, store, publicKeys: { keys: [publicKey] } };
}

/// What a browser would come to: a login of `sub` at a client, and its first refresh token.
export function logInto(provider) {
  return async ({ client_id, scope = 'openid offline_access api:read', sub = 'alice' }) => {
    const client = await provider.Client.find(client_id);
    if (!client?.grantTypeAllowed('refresh_token')) throw new Error(`no client ${client_id} that people log in with`);
    const grant = new provider.Grant({ accountId: sub, clientId: client_id });
    grant.addOIDCScope(scope);
    const grantId = await grant.save();
    const authTime = Math.floor(Date.now() / 1000);
    const token = new provider.RefreshToken({ accountId: sub, client, grantId, scope, authTime, gty: 'authorization_code' });
    return { refresh_token: await token.save() };
  };
}

/// A service that takes the tokens, as middleware: opaque ones are looked up, JWTs are verified.
export function whoami({ provider, issuer, publicKeys }) {
  const keys = jose.createLocalJWKSet(publicKeys);
  const holder = async (token) => {
    const opaque = (await provider.ClientCredentials.find(token)) ?? (await provider.AccessToken.find(token));
    if (opaque) return { client: opaque.clientId, scope: opaque.scope, aud: opaque.aud, exp: opaque.exp };
    const verified = await jose.jwtVerify(token, keys, { issuer }).catch(() => undefined);
    return verified && { client: verified.payload.client_id, scope: verified.payload.scope, aud: verified.payload.aud, exp: verified.payload.exp };
  };
  return async (ctx, next) => {
    if (ctx.path !== '/api/whoami') return next();
    const [, token] = ctx.get('authorization').match(/^Bearer +(\S+)$/i) ?? [];
    const who = token && (await holder(token));
    if (who) {
      ctx.body = who;
      return;
    }
    ctx.set('www-authenticate', token ? 'Bearer error="invalid_token"' : 'Bearer');
    ctx.status = 401;
    ctx.body = { error: 'invalid_token' };
  };
}

/// The library's storage on a Map, so that a test can change a client's secret while the provider runs.
function adapterOn(store) {
  return class {
    constructor(model) {
      this.key = (id) => `${model}:${id}`;
    }

    async upsert(id, payload, expiresIn) {
      store.set(this.key(id), { payload, expires: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    }

    async find(id) {
      const entry = store.get(this.key(id));
      return entry && entry.expires > Date.now() ? { ...entry.payload } : undefined;
    }

    async consume(id) {
      const entry = store.get(this.key(id));
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      store.delete(this.key(id));
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of store) if (payload.grantId === grantId) store.delete(key);
    }
  };
}
