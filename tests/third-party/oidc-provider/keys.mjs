// Keys of clients that sign: a new pair, the public half for the provider, the private one for the test.

import { generateKeyPair as generate, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

import { SignJWT } from 'jose';

const generateKeyPair = promisify(generate);

const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

const FORMS = {
  pkcs8: (key) => key.export({ type: 'pkcs8', format: 'pem' }),
  pkcs1: (key) => key.export({ type: 'pkcs1', format: 'pem' }),
  sec1: (key) => key.export({ type: 'sec1', format: 'pem' }),
};

/// `form` is how the private key is written as `text`: pkcs8, pkcs1 (RSA), sec1 (EC), or jwk.
export async function makeKey({ alg, form, kid }) {
  if (!Object.hasOwn(KINDS, alg)) throw new Error(`alg is one of ${Object.keys(KINDS).join(' ')}`);
  const { publicKey, privateKey } = await generateKeyPair(...KINDS[alg]);
  const names = { alg, use: 'sig', ...(kid && { kid }) };
  const jwk = () => JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...names });
  return { publicJwk: { ...publicKey.export({ format: 'jwk' }), ...names }, privateKey, text: form === 'jwk' ? jwk() : FORMS[form](privateKey) };
}

/// What a client says of a person, signed: RFC 7523 3.
export function assertion({ alg, privateKey, issuer, client_id, sub }) {
  const claims = new SignJWT({}).setProtectedHeader({ alg }).setIssuer(client_id).setSubject(sub).setAudience(issuer);
  return claims.setIssuedAt().setExpirationTime('5m').setJti(randomUUID()).sign(privateKey);
}
