//! How messages are kept small: text packed with zstd and a dictionary of what people write under a live.
//!
//! A packed text is a blob. Its first byte is the number of the dictionary times four, plus the two bits that say how
//! long the length field is (RFC 8878, section 3.1.1.1.1); what follows is the zstd frame without its magic number and
//! its descriptor, which are always the same but for those bits. A text that packing does not make smaller stays text.
//! Dictionaries are only ever added, so that everything packed before stays readable:
//! `cargo run --release -p chat --example train_dictionary` makes one.

use std::cell::RefCell;
use std::sync::LazyLock;

use ids::PersonId;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::text::CONTENT_LIMIT;

/// The dictionaries, oldest first. The number of the first is 1; new text is packed with the last.
const DICTIONARIES: [&[u8]; 1] = [include_bytes!("../dictionaries/1.zdict")];
/// Of zstd's levels, the last at which packing a message costs a few microseconds.
const LEVEL: i32 = 3;
/// Bytes of the longest content.
const LONGEST: usize = CONTENT_LIMIT * 4;
/// First bytes of a zstd frame (RFC 8878, section 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// A frame descriptor with a content size, no checksum and no dictionary id.
const DESCRIPTOR: u8 = 0x20;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARIES[DICTIONARIES.len() - 1], LEVEL));
static DECODERS: LazyLock<Vec<DecoderDictionary<'static>>> =
    LazyLock::new(|| DICTIONARIES.iter().map(|dictionary| DecoderDictionary::copy(dictionary)).collect());

thread_local! {
    static PACKER: RefCell<Option<Compressor<'static>>> = RefCell::new(packer());
    static UNPACKER: RefCell<Unpacker> = const { RefCell::new(Unpacker { by_dictionary: Vec::new(), frame: Vec::new() }) };
}

struct Unpacker {
    by_dictionary: Vec<Decompressor<'static>>,
    /// The frame that is being read, made whole.
    frame: Vec<u8>,
}

/// A text as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// As it was written.
    Text(String),
    /// Packed, which is smaller.
    Blob(Vec<u8>),
}

/// Packs a text, if that makes it smaller.
#[must_use]
pub fn pack(text: &str) -> Packed {
    let packed = PACKER.with_borrow_mut(|packer| packer.as_mut()?.compress(text.as_bytes()).ok());
    packed
        .and_then(shorn)
        .filter(|blob| blob.len() < text.len())
        .map_or_else(|| Packed::Text(text.to_owned()), Packed::Blob)
}

/// A frame without what every frame has.
fn shorn(mut frame: Vec<u8>) -> Option<Vec<u8>> {
    let (magic, descriptor) = (frame.get(..4)?, *frame.get(4)?);
    if magic != MAGIC || descriptor & !0xC0 != DESCRIPTOR {
        return None;
    }
    let number = u8::try_from(DICTIONARIES.len()).ok()?;
    frame.drain(..4);
    *frame.first_mut()? = number << 2 | descriptor >> 6;
    Some(frame)
}

/// The text of what [`pack`] made; `None` for anything else.
pub(crate) fn unpack(blob: &[u8]) -> Option<String> {
    let (first, rest) = blob.split_first()?;
    let dictionary = usize::from(first >> 2).checked_sub(1)?;
    UNPACKER.with_borrow_mut(|unpacker| {
        let Unpacker { by_dictionary, frame } = unpacker;
        if by_dictionary.is_empty() {
            *by_dictionary = unpackers()?;
        }
        frame.clear();
        frame.extend_from_slice(&MAGIC);
        frame.push(DESCRIPTOR | first << 6);
        frame.extend_from_slice(rest);
        let length = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten()?;
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST)?;
        String::from_utf8(by_dictionary.get_mut(dictionary)?.decompress(frame, length).ok()?).ok()
    })
}

fn packer() -> Option<Compressor<'static>> {
    let mut packer = Compressor::with_prepared_dictionary(&ENCODER).ok()?;
    packer.set_parameter(zstd::zstd_safe::CParameter::DictIdFlag(false)).ok()?;
    Some(packer)
}

fn unpackers() -> Option<Vec<Decompressor<'static>>> {
    DECODERS.iter().map(|dictionary| Decompressor::with_prepared_dictionary(dictionary).ok()).collect()
}

/// What stands for an author and the id they gave a message: 64 bits of both. That two differ only by chance has odds of
/// one in 10^7 in a conversation of a million messages; what is found is compared with its author all the same.
#[must_use]
pub fn sent_key(author_id: PersonId, client_id: &[u8; 16]) -> i64 {
    let (high, low) = client_id.split_at(8);
    let half = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    mixed(mixed(mixed(author_id.0.cast_unsigned()) ^ half(high)) ^ half(low)).cast_signed()
}

/// Spreads a number over all its bits (the finaliser of SplitMix64).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ number >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(packed: &Packed) -> String {
        match packed {
            Packed::Text(text) => text.clone(),
            Packed::Blob(blob) => unpack(blob).unwrap(),
        }
    }

    #[test]
    fn every_text_comes_back_as_it_was() {
        let long = "on vous entend très bien depuis Thiès 🎉 ".repeat(60);
        let longest = "🎉".repeat(CONTENT_LIMIT);
        for text in [
            "",
            "a",
            "🎉",
            "merci beaucoup à toute l'équipe",
            "\u{0}\u{FFFF}",
            "x7#q",
            &long[..300],
            &long,
            &longest,
        ] {
            let packed = pack(text);
            assert_eq!(back(&packed), text);
            let length = match &packed {
                Packed::Text(text) => text.len(),
                Packed::Blob(blob) => blob.len(),
            };
            assert!(length <= text.len());
        }
    }

    #[test]
    fn what_people_say_takes_less_and_what_does_not_stays_text() {
        let said = "bonsoir à tous, on vous entend très bien depuis Dakar";
        assert!(matches!(pack(said), Packed::Blob(blob) if blob.len() * 10 < said.len() * 8));
        assert_eq!(pack("xK9#"), Packed::Text("xK9#".to_owned()));
    }

    #[test]
    fn bad_bytes_are_no_text() {
        let Packed::Blob(good) = pack(&"merci beaucoup à toute l'équipe ".repeat(4)) else { panic!() };
        for cut in 0..good.len() {
            assert!(unpack(&good[..cut]).is_none(), "{cut}");
        }
        for byte in 0..=255 {
            let mut wrong = good.clone();
            wrong[0] = byte;
            assert_eq!(unpack(&wrong).is_some(), byte == good[0], "{byte}");
            let _ = unpack(&[byte; 40]);
        }
    }

    #[test]
    fn ids_that_differ_little_have_different_keys() {
        let mut keys = std::collections::HashSet::new();
        for author in (0..20).map(PersonId) {
            for number in 0..1_000_u128 {
                assert!(keys.insert(sent_key(author, &number.to_be_bytes())));
                assert!(number == 0 || keys.insert(sent_key(author, &(number << 64).to_be_bytes())));
            }
        }
    }
}
