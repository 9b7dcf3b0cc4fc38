// Who may come to the provider: one object per client, as in RFC 7591.

export const SCOPES = ['api:read', 'api:write'];
// Known, but no client may have it: invalid_scope. A scope that nobody knows is dropped from the answer.
export const FORBIDDEN_SCOPE = 'api:admin';

export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const LOGIN_SCOPE = ['openid', 'offline_access', ...SCOPES].join(' ');
// Any port of the loopback interface: RFC 8252 7.3.
const redirect_uris = ['http://127.0.0.1/', 'http://127.0.0.1/callback', 'http://[::1]/callback'];

// A program of a person's: each use of a refresh token brings another, and one that is used twice ends the login.
const app = { grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE], redirect_uris, response_types: ['code'], application_type: 'native', scope: LOGIN_SCOPE };
const browserOnly = { ...app, grant_types: ['authorization_code', 'refresh_token'] };
const service = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: SCOPES.join(' ') };

// The keys of the clients that sign are made when a test asks for them: `/_ctl/key`.
const signs = (client_id, token_endpoint_auth_signing_alg, more = {}) =>
  ({ ...service, client_id, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg, jwks: { keys: [] }, ...more });

export const CLIENTS = [
  { ...service, client_id: 'svc-basic', client_secret: 'basic-secret', token_endpoint_auth_method: 'client_secret_basic' },
  { ...service, client_id: 'svc-post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post' },
  // RFC 6749 2.3.1: id and secret are form-encoded before Basic. This client is refused to whoever does not do it:
  // the colon splits the pair in the wrong place, `%41` turns into `A`, `+` into a space.
  { ...service, client_id: 'svc:odd/id', client_secret: 'p%41ss+w=r&d/:~ x', token_endpoint_auth_method: 'client_secret_basic' },
  { ...service, client_id: 'svc-hmac', client_secret: 'a-secret-that-is-long-enough-for-hs256', token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'HS256' },
  signs('svc-rs256', 'RS256'),
  signs('svc-ps256', 'PS256'),
  signs('svc-es256', 'ES256'),
  signs('svc-eddsa', 'EdDSA'),
  signs('svc-bearer', 'ES256', { grant_types: [JWT_BEARER] }),
  { ...app, client_id: 'app-public', token_endpoint_auth_method: 'none' },
  { ...app, client_id: 'app-basic', client_secret: 'app-secret', token_endpoint_auth_method: 'client_secret_basic' },
  { ...browserOnly, client_id: 'app-browser', client_name: 'The browser’s app', token_endpoint_auth_method: 'none' },
  { ...app, client_id: 'tv', client_name: 'The television', token_endpoint_auth_method: 'none' },
  // `device_code_seconds` is no client metadata of a standard: how long its device codes live.
  { ...app, client_id: 'tv-hasty', device_code_seconds: 3, token_endpoint_auth_method: 'none' },
  signs('app-signing', 'ES256', { ...app }),
  // Trades tokens for others: RFC 8693.
  { ...service, client_id: 'trader', client_secret: 'trader-secret', token_endpoint_auth_method: 'client_secret_basic', grant_types: [TOKEN_EXCHANGE] },
];
