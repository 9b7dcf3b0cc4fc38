//! The envelope around each message: which request it belongs to, what kind it is, and room to grow.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::codec::{self, DecodeError, EncodeError};
use crate::frame::HEADER;
use crate::limits::{MAX_WORDS, PROTOCOL};
use crate::list::List;
use crate::secret::bytes_that_arrived;

/// What kind of message the body is. Numbers are never used again for something else.
///
/// Requests count from 1, answers from 0x8001. A kind that the daemon does not know is answered with
/// [`Kind::UNSUPPORTED`], and the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kind(pub u16);

impl Kind {
    /// A token, please.
    pub const GET: Self = Self(1);
    /// A new token now.
    pub const REFRESH: Self = Self(2);
    /// The service refused this token.
    pub const REJECT: Self = Self(3);
    /// How the accounts are.
    pub const STATUS: Self = Self(4);
    /// Which accounts there are.
    pub const LIST: Self = Self(5);
    /// A credential at each new token.
    pub const WATCH: Self = Self(6);
    /// Read the configuration again.
    pub const RELOAD: Self = Self(7);
    /// Who are you?
    pub const ABOUT: Self = Self(8);
    /// Forget what is secret.
    pub const LOCK: Self = Self(9);
    /// Open the store again.
    pub const UNLOCK: Self = Self(10);
    /// How the store is.
    pub const STORE: Self = Self(11);
    /// A person logs in.
    pub const LOGIN: Self = Self(12);
    /// Where the browser was sent to in the end.
    pub const LOGIN_REDIRECT: Self = Self(13);
    /// A person logs out.
    pub const LOGOUT: Self = Self(14);
    /// The id token that came with a token, please.
    pub const GET_ID_TOKEN: Self = Self(15);
    /// How are you?
    pub const HEALTH: Self = Self(16);

    /// A credential.
    pub const CREDENTIAL: Self = Self(0x8001);
    /// Done, with nothing to say.
    pub const DONE: Self = Self(0x8002);
    /// A page of accounts' states.
    pub const STATUS_PAGE: Self = Self(0x8003);
    /// A page of accounts' names.
    pub const LIST_PAGE: Self = Self(0x8004);
    /// The configuration was read.
    pub const RELOADED: Self = Self(0x8005);
    /// Who the daemon is.
    pub const ABOUT_ANSWER: Self = Self(0x8006);
    /// How the store is.
    pub const STORE_STATE: Self = Self(0x8007);
    /// What a login waits for.
    pub const LOGIN_STEP: Self = Self(0x8008);
    /// The login is done.
    pub const LOGGED_IN: Self = Self(0x8009);
    /// The login is forgotten.
    pub const LOGGED_OUT: Self = Self(0x800a);
    /// How the daemon is.
    pub const HEALTH_ANSWER: Self = Self(0x800b);
    /// The daemon does not know this kind of request. No body.
    pub const UNSUPPORTED: Self = Self(0x80fe);
    /// It did not work, and why.
    pub const FAILURE: Self = Self(0x80ff);
}

/// Something beside the body that those who do not know its tag skip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// What it is. None is assigned in protocol 1.
    pub tag: u16,
    /// Its bytes.
    #[serde(deserialize_with = "bytes_that_arrived")]
    pub bytes: Vec<u8>,
}

/// One message on its way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Chosen by the client, repeated in each answer to it.
    pub id: u32,
    /// What the body is.
    pub kind: Kind,
    /// The encoded message.
    pub body: Body,
    /// What newer versions add.
    pub extras: List<Extra, MAX_WORDS>,
}

impl Envelope {
    /// An envelope without extras.
    #[must_use]
    pub fn new(id: u32, kind: Kind, body: Zeroizing<Vec<u8>>) -> Self {
        Self { id, kind, body: Body(body), extras: List::default() }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`EncodeError`] when it is larger than what may travel.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        codec::encode(self)
    }
}

/// A request's envelope as it lies in the buffer that it arrived in.
#[derive(Debug, Deserialize)]
pub struct Arrived<'b> {
    /// Chosen by the client, repeated in each answer to it.
    pub id: u32,
    /// What the body is.
    pub kind: Kind,
    /// The encoded message.
    pub body: &'b [u8],
    /// What newer versions add.
    pub extras: List<Extra, MAX_WORDS>,
}

impl<'b> Arrived<'b> {
    /// The envelope of a request.
    ///
    /// # Errors
    /// [`DecodeError`] unless the bytes are one whole envelope.
    pub fn read(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        codec::borrow_request(bytes)
    }
}

/// A message in its envelope as a whole frame, in one buffer of just the right size: nothing of it is copied twice.
/// `first` puts the protocol number before it.
///
/// # Errors
/// [`EncodeError`] when the frame's payload is larger than `limit`.
pub fn frame<T: Serialize>(
    id: u32,
    kind: Kind,
    message: &T,
    first: bool,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
    let length = codec::size(message)?;
    let no_extras = List::<Extra, MAX_WORDS>::default();
    let opening: &[u8] = if first { &PROTOCOL.to_le_bytes() } else { &[] };
    let payload = opening.len() + codec::size(&(id, kind, length))? + length + codec::size(&no_extras)?;
    if payload > limit {
        return Err(EncodeError);
    }
    let announced = u32::try_from(payload).map_err(|_| EncodeError)?;
    let mut frame = Zeroizing::new(Vec::with_capacity(HEADER + payload));
    frame.extend_from_slice(&announced.to_le_bytes());
    frame.extend_from_slice(opening);
    // A body is encoded as bytes: their count, then they themselves.
    codec::append(&(id, kind, length), &mut frame)?;
    codec::append(message, &mut frame)?;
    codec::append(&no_extras, &mut frame)?;
    Ok(frame)
}

/// An encoded message. It may hold a token: wiped on drop, silent in `Debug`.
pub struct Body(Zeroizing<Vec<u8>>);

impl Body {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bytes_that_arrived(deserializer).map(Zeroizing::new).map(Body)
    }
}

/// The envelope of a request.
///
/// # Errors
/// [`DecodeError`] unless the bytes are one whole envelope.
pub fn decode_request(bytes: &[u8]) -> Result<Envelope, DecodeError> {
    codec::decode_request(bytes)
}

/// The envelope of an answer.
///
/// # Errors
/// [`DecodeError`] unless the bytes are one whole envelope.
pub fn decode_answer(bytes: &[u8]) -> Result<Envelope, DecodeError> {
    codec::decode_answer(bytes)
}
