// The two grants that the library leaves to whoever uses it: RFC 7523 and RFC 8693.

import * as jose from 'jose';
import { errors } from 'oidc-provider';

import { JWT_BEARER, SCOPES, TOKEN_EXCHANGE } from './clients.mjs';

const TYPE = 'urn:ietf:params:oauth:token-type:';

/// `publicKeys` are the provider's own, `resource` describes a service by its name.
export function registerGrants({ provider, publicKeys, resource }) {
  const { issuer } = provider;
  const ownKeys = jose.createLocalJWKSet(publicKeys);

  /// A token of `sub` for the client that asks, for a service if it names one.
  const answer = async (ctx, { sub, extra, more = {} }) => {
    const { client, params } = ctx.oidc;
    const scopes = (params.scope ?? client.scope).split(' ').filter((it) => SCOPES.includes(it));
    const grant = new provider.Grant({ accountId: sub, clientId: client.clientId });
    grant.addOIDCScope(scopes.join(' '));
    const token = new provider.AccessToken({ accountId: sub, client, grantId: await grant.save(), gty: 'assertion', scope: scopes.join(' '), extra });
    const [target] = [params.resource, params.audience].flat().filter(Boolean);
    if (target) token.resourceServer = new provider.ResourceServer(target, resource(target));
    const access_token = await token.save();
    ctx.body = { access_token, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope, ...more };
  };

  /// RFC 7523 3: issued by the client, signed by its key, for this provider, not old, and never seen before.
  const jwtBearer = async (ctx) => {
    const { client, params } = ctx.oidc;
    const keys = jose.createLocalJWKSet(client.jwks ?? { keys: [] });
    const rules = { issuer: client.clientId, audience: [issuer, `${issuer}/token`], maxTokenAge: '5m', requiredClaims: ['sub', 'exp', 'iat'] };
    const { payload } = await jose.jwtVerify(params.assertion ?? '', keys, rules).catch((cause) => {
      throw new errors.InvalidGrant(`assertion: ${cause.code}`);
    });
    if (payload.jti && !(await provider.ReplayDetection.unique(payload.iss, payload.jti, payload.exp))) {
      throw new errors.InvalidGrant('assertion used twice');
    }
    await answer(ctx, { sub: payload.sub });
  };

  /// Whose token it is, if it lives and is what it is said to be.
  const holder = async (token, type, what) => {
    const refused = (why) => new errors.InvalidRequest(`${what}: ${why}`);
    if (!token || !type) throw refused('token and type are needed');
    if (type === `${TYPE}access_token`) {
      const found = await provider.AccessToken.find(token);
      if (!found) throw refused('no such access token');
      return found.accountId;
    }
    if (type !== `${TYPE}id_token` && type !== `${TYPE}jwt`) throw refused(`type ${type}`);
    const { payload } = await jose.jwtVerify(token, ownKeys, { issuer }).catch((cause) => {
      throw refused(cause.code);
    });
    // An access token that is a JWT has its own type in the header (RFC 9068): it is no id token.
    const isIdToken = jose.decodeProtectedHeader(token).typ !== 'at+jwt';
    if (isIdToken !== (type === `${TYPE}id_token`)) throw refused('it is of another type');
    return payload.sub;
  };

  const tokenExchange = async (ctx) => {
    const { params } = ctx.oidc;
    const sub = await holder(params.subject_token, params.subject_token_type, 'subject');
    // RFC 8693 4.1: who acts is named in the token.
    const extra = params.actor_token ? { act: { sub: await holder(params.actor_token, params.actor_token_type, 'actor') } } : {};
    const wanted = params.requested_token_type ?? `${TYPE}access_token`;
    if (wanted !== `${TYPE}access_token` && wanted !== `${TYPE}jwt`) throw new errors.InvalidRequest(`requested_token_type ${wanted}`);
    await answer(ctx, { sub, extra, more: { issued_token_type: wanted } });
  };

  provider.registerGrantType(JWT_BEARER, jwtBearer, ['assertion', 'scope', 'resource']);
  const parameters = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'audience', 'resource', 'scope'];
  provider.registerGrantType(TOKEN_EXCHANGE, tokenExchange, parameters);
}
