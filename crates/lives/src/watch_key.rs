//! How watch keys are kept: sealed, so that whoever has a copy of the rows and not the server's key has none of them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a sealed key begins with. No key has a dot in it, and those that earlier versions kept as they are have none either.
const SEALED: &str = "s1.";

/// Seals watch keys and opens them again: AES-256-GCM (NIST SP 800-38D) with a nonce of 96 random bits for each.
#[derive(Debug)]
pub struct WatchKeys(LessSafeKey);

impl WatchKeys {
    /// Sealed and opened with `key`.
    ///
    /// # Panics
    /// Never: the key is as long as the cipher wants it.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 256 bits")))
    }

    /// As it is kept.
    pub(crate) fn seal(&self, watch_key: &str) -> String {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut bytes = watch_key.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .expect("a key is shorter than what the cipher takes");
        let mut sealed = nonce.to_vec();
        sealed.append(&mut bytes);
        format!("{SEALED}{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The key of what is kept: empty, which opens nothing, where it was sealed with another key. One that an earlier version
    /// kept is as it is.
    pub(crate) fn open(&self, kept: String) -> String {
        if is_sealed(&kept) { self.opened(&kept).unwrap_or_default() } else { kept }
    }

    fn opened(&self, kept: &str) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(kept.strip_prefix(SEALED)?).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = self.0.open_in_place(nonce, Aad::empty(), sealed).ok()?;
        String::from_utf8(key.to_vec()).ok()
    }
}

/// Whether a key is kept sealed.
pub(crate) fn is_sealed(kept: &str) -> bool {
    kept.starts_with(SEALED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_opened_by_whoever_sealed_it_and_by_nobody_else() {
        let (ours, others) = (WatchKeys::new(&[1; 32]), WatchKeys::new(&[2; 32]));
        let sealed = ours.seal("abcdefghijklmnopqrst");
        assert!(is_sealed(&sealed) && !sealed.contains("abcdef"), "{sealed}");
        assert_ne!(sealed, ours.seal("abcdefghijklmnopqrst"), "nobody sees that two are the same");
        assert_eq!(ours.open(sealed.clone()), "abcdefghijklmnopqrst");
        assert_eq!(others.open(sealed.clone()), "");
        let mut damaged = sealed;
        damaged.replace_range(10..11, if &damaged[10..11] == "A" { "B" } else { "A" });
        for broken in [damaged.as_str(), "s1.", "s1.AAAA", "s1.*"] {
            assert_eq!(ours.open(broken.to_owned()), "", "{broken}");
        }
        assert_eq!(ours.open("kept-as-it-is".to_owned()), "kept-as-it-is");
    }
}
