// The provider itself: what it can do, how long things live. Its clients are in clients.mjs.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

import * as jose from 'jose';
import Provider, { errors } from 'oidc-provider';

import { CLIENTS, FORBIDDEN_SCOPE, SCOPES } from './clients.mjs';
import { registerGrants } from './grants.mjs';
import { devicePages, errorPage } from './pages.mjs';
import { adapterOn } from './store.mjs';

/// The store behind a provider, with its clients in it.
export function makeStore() {
  return new Map(CLIENTS.map((client) => [`Client:${client.client_id}`, { payload: client }]));
}

/// `ttl` is in seconds. Returns the provider (a Koa application) and its public keys. A second one on the same store is
/// the same provider with new keys of its own: nothing that was signed with the old ones can be verified any more.
export function makeProvider({ issuer, ttl, store }) {
  const kid = `es-${randomBytes(4).toString('hex')}`;
  const key = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
  const { d: _private, ...publicKey } = key;
  const publicKeys = { keys: [publicKey] };

  // RFC 8707. A token for a service is a JWT, or opaque if the service's name says so.
  const resource = (name) => {
    if (!name.startsWith('urn:api:')) throw new errors.InvalidTarget();
    return {
      audience: name,
      scope: SCOPES.join(' '),
      accessTokenTTL: ttl.clientCredentials,
      accessTokenFormat: name.endsWith(':opaque') ? 'opaque' : 'jwt',
      jwt: { sign: { alg: key.alg, kid } },
    };
  };

  const provider = new Provider(issuer, {
    adapter: adapterOn(store),
    jwks: { keys: [key] },
    // The library's own default is RS256, for which there is no key here (making one takes a second).
    clientDefaults: { id_token_signed_response_alg: key.alg },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', ...SCOPES, FORBIDDEN_SCOPE],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'],
    ttl: {
      ClientCredentials: ttl.clientCredentials,
      AccessToken: ttl.accessToken,
      IdToken: ttl.idToken,
      DeviceCode: (_ctx, _code, client) => store.get(`Client:${client.clientId}`).payload.device_code_seconds ?? 300,
      AuthorizationCode: 60,
      Interaction: 300,
      Session: 3600,
      RefreshToken: 3600,
      Grant: 3600,
    },
    rotateRefreshToken: true,
    pkce: { required: () => true },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    // What a grant's handler put there (RFC 8693 4.1) stays in the token.
    extraTokenClaims: (_ctx, token) => token.extra,
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    renderError: errorPage,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true, charset: 'base-20', mask: '****-****', ...devicePages },
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: { enabled: true, defaultResource: () => undefined, getResourceServerInfo: (_ctx, name) => resource(name), useGrantedResource: async () => true },
    },
  });
  provider.on('server_error', (_ctx, error) => console.error('oidc-provider: server error:', error));
  registerGrants({ provider, publicKeys, resource });
  return { provider, publicKeys };
}

/// What a person agrees to: all that the library finds missing, or what `scope` says.
export function grants(provider) {
  return async ({ grantId, accountId, clientId, details = {}, scope, resources = [] }) => {
    const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId, clientId });
    if (scope) {
      grant.addOIDCScope(scope);
      for (const name of resources) grant.addResourceScope(name, scope);
    }
    if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope);
    if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
    for (const [name, scopes] of Object.entries(details.missingResourceScopes ?? {})) grant.addResourceScope(name, scopes);
    return grant.save();
  };
}

/// What a browser would come to: a login of `sub` at a client, and its first refresh token.
export function logInto(provider) {
  const agree = grants(provider);
  return async ({ client_id, scope = 'openid offline_access api:read', sub = 'alice' }) => {
    const client = await provider.Client.find(client_id);
    if (!client) throw new Error(`no client ${client_id}`);
    const grantId = await agree({ accountId: sub, clientId: client_id, scope });
    const authTime = Math.floor(Date.now() / 1000);
    const token = new provider.RefreshToken({ accountId: sub, client, grantId, scope, authTime, gty: 'authorization_code' });
    return { refresh_token: await token.save() };
  };
}

/// What a person does with a device's code, without the pages: `act` is approve or deny.
export function decideDevice(provider) {
  const agree = grants(provider);
  return async ({ user_code, act, sub = 'alice' }) => {
    const code = await provider.DeviceCode.findByUserCode(user_code.replace(/\W/g, '').toUpperCase(), { ignoreExpiration: true });
    if (!code) throw new Error(`no device code ${user_code}`);
    if (act === 'deny') {
      Object.assign(code, { error: 'access_denied', errorDescription: 'the person said no' });
    } else {
      const { scope, resource } = code.params;
      const resources = [resource ?? []].flat();
      const grantId = await agree({ accountId: sub, clientId: code.clientId, scope, resources });
      Object.assign(code, { accountId: sub, scope, resource, authTime: Math.floor(Date.now() / 1000), grantId });
    }
    await code.save();
    return {};
  };
}

/// Whether an id token is the provider's, for this client: its header and claims.
export function verifyIdToken({ provider, publicKeys }) {
  const keys = jose.createLocalJWKSet(publicKeys);
  return async ({ id_token, client_id }) => {
    const { protectedHeader, payload } = await jose.jwtVerify(id_token, keys, { issuer: provider.issuer, audience: client_id });
    return { header: protectedHeader, claims: payload };
  };
}
