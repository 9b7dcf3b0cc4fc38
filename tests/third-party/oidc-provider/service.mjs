// A service that takes the provider's tokens: `GET /api/whoami` is 200 with what the token says, or 401.

import * as jose from 'jose';

/// As middleware: opaque tokens are looked up, JWTs are verified.
export function whoami({ provider, publicKeys }) {
  const { issuer } = provider;
  const keys = jose.createLocalJWKSet(publicKeys);
  const holder = async (token) => {
    const opaque = (await provider.ClientCredentials.find(token)) ?? (await provider.AccessToken.find(token));
    if (opaque) return says({ ...opaque, ...opaque.extra, client_id: opaque.clientId, sub: opaque.accountId ?? opaque.clientId });
    const verified = await jose.jwtVerify(token, keys, { issuer, typ: 'at+jwt' }).catch(() => undefined);
    return verified && says(verified.payload);
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

function says({ client_id, sub, scope, aud, exp, act }) {
  return { client: client_id, sub, scope, aud, exp, act };
}
