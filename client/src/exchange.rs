//! One connection's bytes, without I/O: requests become frames, bytes that arrive become answers.

use tokend_proto::envelope::decode_answer;
use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::{MAX_ANSWER, MAX_REQUEST};
use tokend_proto::{Answer, Request};
use zeroize::Zeroizing;

use crate::ask;
use crate::error::Error;

/// A usual answer fits, so that one read fetches it.
const FIRST_ROOM: usize = 4096;

/// What has been asked and what has arrived on one connection.
pub(crate) struct Conversation {
    last_id: u32,
    last_name: &'static str,
    opened: bool,
    room: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl Conversation {
    /// Nothing asked, nothing arrived.
    pub(crate) fn new() -> Self {
        Self {
            last_id: 0,
            last_name: "?",
            opened: false,
            room: Zeroizing::new(vec![0; FIRST_ROOM]),
            filled: 0,
        }
    }

    /// The bytes to send for a request. From here on, answers to earlier ones are skipped.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Zeroizing<Vec<u8>>, Error> {
        let first = self.last_id == 0;
        // 0 stays free: a daemon that could not read an id answers to it.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_name = ask::name(request);
        request
            .seal(self.last_id)
            .and_then(|envelope| envelope.encode())
            .and_then(|payload| frame::encode(&payload, first, MAX_REQUEST))
            .map_err(|_| Error::Request("the request is too long to be sent"))
    }

    /// Where the next bytes go; never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.filled == self.room.len() {
            self.grow_to(self.room.len() * 2);
        }
        &mut self.room[self.filled..]
    }

    /// So many bytes have arrived in [`room`](Self::room).
    pub(crate) fn arrived(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.room.len());
    }

    /// The answer to what was asked last, as soon as all of it is here.
    pub(crate) fn answer(&mut self) -> Result<Option<Answer>, Error> {
        while let Some(end) = self.whole_frame()? {
            let mut payload = &self.room[HEADER..end];
            if !self.opened {
                payload = match frame::opening(payload) {
                    Ok(Opening::Spoken(rest)) => rest,
                    Ok(Opening::Refused(spoken)) => return Err(Error::Protocol { spoken }),
                    Ok(Opening::Other(number)) => return Err(Error::Protocol { spoken: vec![number] }),
                    Err(_) => return Err(MALFORMED),
                };
            }
            let envelope = decode_answer(payload).map_err(|_| MALFORMED)?;
            self.opened = true;
            self.forget_frame(end);
            if envelope.id != self.last_id && envelope.id != 0 {
                continue;
            }
            return match Answer::open(&envelope).map_err(|_| MALFORMED)? {
                Some(Answer::Unsupported) => Err(Error::Unsupported { request: self.last_name }),
                Some(answer) => Ok(Some(answer)),
                None => Err(Error::Malformed("an answer of a kind that this client does not know")),
            };
        }
        Ok(None)
    }

    /// Where the first frame ends, if all of it is here; makes room for the rest otherwise.
    fn whole_frame(&mut self) -> Result<Option<usize>, Error> {
        let Some(header) = self.room[..self.filled].first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let end = HEADER + frame::announced(*header, MAX_ANSWER).map_err(|_| MALFORMED)?;
        if self.room.len() < end {
            self.grow_to(end);
        }
        Ok((self.filled >= end).then_some(end))
    }

    fn forget_frame(&mut self, end: usize) {
        self.room.copy_within(end..self.filled, 0);
        self.room[self.filled - end..self.filled].fill(0);
        self.filled -= end;
    }

    fn grow_to(&mut self, size: usize) {
        let mut larger = Zeroizing::new(vec![0; size]);
        larger[..self.filled].copy_from_slice(&self.room[..self.filled]);
        self.room = larger;
    }
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The bytes may hold a token.
        f.debug_struct("Conversation").field("last_id", &self.last_id).finish_non_exhaustive()
    }
}

const MALFORMED: Error = Error::Malformed("something that is no message of the protocol");

#[cfg(test)]
mod tests {
    use tokend_proto::Kind;
    use tokend_proto::message::About;

    use super::*;

    fn frame_of(answer: &Answer, id: u32, first: bool) -> Vec<u8> {
        let payload = answer.seal(id).and_then(|envelope| envelope.encode());
        payload
            .and_then(|payload| frame::encode(&payload, first, MAX_ANSWER))
            .map(|f| f.to_vec())
            .unwrap_or_default()
    }

    fn feed(conversation: &mut Conversation, bytes: &[u8]) {
        for byte in bytes {
            conversation.room()[0] = *byte;
            conversation.arrived(1);
        }
    }

    #[test]
    fn an_answer_may_arrive_byte_by_byte() -> Result<(), Error> {
        let mut conversation = Conversation::new();
        conversation.ask(&Request::Reload)?;
        let bytes = frame_of(&Answer::Done, 1, true);
        for byte in &bytes {
            assert!(conversation.answer()?.is_none());
            feed(&mut conversation, &[*byte]);
        }
        assert!(matches!(conversation.answer()?, Some(Answer::Done)));
        assert!(conversation.answer()?.is_none());
        Ok(())
    }

    #[test]
    fn only_the_first_request_carries_the_protocol_number() -> Result<(), Error> {
        let mut conversation = Conversation::new();
        let first = conversation.ask(&Request::About)?;
        let second = conversation.ask(&Request::About)?;
        assert_eq!(first[HEADER..HEADER + 2], [1, 0]);
        assert_eq!(first.len(), second.len() + 2);
        Ok(())
    }

    #[test]
    fn a_late_answer_to_an_old_question_is_skipped() -> Result<(), Error> {
        let mut conversation = Conversation::new();
        conversation.ask(&Request::Reload)?;
        conversation.ask(&Request::Reload)?;
        feed(&mut conversation, &frame_of(&Answer::Unsupported, 1, true));
        feed(&mut conversation, &frame_of(&Answer::Done, 2, false));
        assert!(matches!(conversation.answer()?, Some(Answer::Done)));
        Ok(())
    }

    #[test]
    fn a_refusal_says_what_is_spoken() -> Result<(), Error> {
        let mut conversation = Conversation::new();
        conversation.ask(&Request::About)?;
        feed(&mut conversation, &[7, 0, 0, 0, 0, 0, 2, 4, 0, 5, 0]);
        assert!(matches!(conversation.answer(), Err(Error::Protocol { spoken }) if spoken == [4, 5]));
        Ok(())
    }

    #[test]
    fn garbage_and_oversize_are_errors_and_nothing_is_allocated_for_them() -> Result<(), Error> {
        for bytes in [&[0xff; 8][..], &[2, 0, 0, 0, 1, 0], &[4, 0, 0, 0, 1, 0, 0xff, 0xff]] {
            let mut conversation = Conversation::new();
            conversation.ask(&Request::About)?;
            feed(&mut conversation, bytes);
            assert!(matches!(conversation.answer(), Err(Error::Malformed(_))), "{bytes:?}");
            assert_eq!(conversation.room.len(), FIRST_ROOM);
        }
        Ok(())
    }

    #[test]
    fn an_answer_larger_than_the_first_room_fits() -> Result<(), Error> {
        let mut conversation = Conversation::new();
        conversation.ask(&Request::About)?;
        let host = "h".repeat(3 * FIRST_ROOM);
        let about = About {
            version: String::new(),
            pid: 1,
            host: host.clone(),
            configuration: String::new(),
            started_at_ms: 0,
        };
        let bytes = frame_of(&Answer::About(about), 1, true);
        for piece in bytes.chunks(1000) {
            assert!(conversation.answer()?.is_none());
            feed(&mut conversation, piece);
        }
        assert!(matches!(conversation.answer()?, Some(Answer::About(about)) if about.host == host));
        Ok(())
    }

    #[test]
    fn what_the_daemon_does_not_know_is_named() -> Result<(), Error> {
        let mut conversation = Conversation::new();
        conversation.ask(&Request::Reload)?;
        feed(&mut conversation, &frame_of(&Answer::Unsupported, 1, true));
        assert!(matches!(conversation.answer(), Err(Error::Unsupported { request: "reload" })));
        assert_eq!(Answer::Unsupported.kind(), Kind::UNSUPPORTED);
        Ok(())
    }
}
