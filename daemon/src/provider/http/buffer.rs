//! A buffer that leaves no copy of its content behind when it grows.

use std::io;

use zeroize::Zeroizing;

/// Bytes that are wiped when dropped, and when they move because there are more of them.
#[derive(Default)]
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// Room for `capacity` bytes without a move.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Adds `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let wanted = self.0.len().saturating_add(bytes.len());
        if wanted > self.0.capacity() {
            // Vec's own growth would free the old bytes as they are.
            let mut roomier =
                Zeroizing::new(Vec::with_capacity(wanted.max(self.0.capacity().saturating_mul(2))));
            roomier.extend_from_slice(&self.0);
            self.0 = roomier;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Adds `name=value`, both encoded as a form wants it (RFC 6749 appendix B), after a `&` where there is a pair
    /// already.
    pub(crate) fn push_pair(&mut self, name: &[u8], value: &[u8]) {
        if self.len() > 0 {
            self.push(b"&");
        }
        self.push_encoded(name);
        self.push(b"=");
        self.push_encoded(value);
    }

    /// Adds `bytes`, encoded as a form wants them.
    pub(crate) fn push_encoded(&mut self, bytes: &[u8]) {
        for part in form_urlencoded::byte_serialize(bytes) {
            self.push(part.as_bytes());
        }
    }

    /// How many bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, still wiped when dropped.
    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// For serializers.
impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Buffer;

    #[test]
    fn what_goes_in_comes_out_in_order_however_often_it_grows() {
        let mut buffer = Buffer::default();
        for byte in 0..=u8::MAX {
            buffer.push(&[byte]);
        }
        assert_eq!(*buffer.into_bytes(), (0..=u8::MAX).collect::<Vec<_>>());
    }

    #[test]
    fn pairs_are_encoded_as_a_form_wants_them() {
        let mut buffer = Buffer::with_capacity(1);
        buffer.push_pair(b"a b", "s+cret %&=:ü".as_bytes());
        buffer.push_pair(b"authkey", b"");
        assert_eq!(buffer.as_bytes(), b"a+b=s%2Bcret+%25%26%3D%3A%C3%BC&authkey=");
    }
}
