//! Opus: how long a packet is (RFC 6716), and its two headers: `OpusHead` of Ogg and WebM (RFC 7845, 5.1), `dOps` of
//! MP4 ("Encapsulation of Opus in ISO Base Media File Format", 4.3.2).

/// Samples at 48 kHz in a packet, from its table-of-contents byte (RFC 6716, 3.1 and 3.2); `None` for a packet that
/// breaks the specification: empty, without frames, or longer than 120 ms.
#[must_use]
pub fn duration_48k(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0x3f),
    };
    let samples = frame * frames;
    (1..=5760).contains(&samples).then_some(samples)
}

/// What both headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Channels, 1 to 255.
    pub channels: u8,
    /// Samples at 48 kHz that the decoder throws away at the start.
    pub pre_skip: u16,
    /// Gain in 1/256 dB.
    pub gain: i16,
    /// Channel mapping family; with another than 0, `mapping` follows.
    pub family: u8,
    /// Stream count, coupled count and channel mapping; empty for family 0.
    pub mapping: Vec<u8>,
}

impl Head {
    /// A mono or stereo head without pre-skip, for a track that brought none.
    #[must_use]
    pub fn plain(channels: u8) -> Self {
        Self { channels, pre_skip: 0, gain: 0, family: 0, mapping: Vec::new() }
    }

    /// Reads an `OpusHead`; `None` where it breaks RFC 7845.
    #[must_use]
    pub fn from_opus_head(head: &[u8]) -> Option<Self> {
        let fields: &[u8; 11] = head.strip_prefix(b"OpusHead")?.first_chunk()?;
        let [version, channels, p0, p1, _, _, _, _, g0, g1, family] = *fields;
        if version > 15 {
            return None;
        }
        let gain = i16::from_le_bytes([g0, g1]);
        Self::checked(channels, u16::from_le_bytes([p0, p1]), gain, family, head.get(19..)?)
    }

    /// Reads the payload of a `dOps` box; `None` where it breaks its specification.
    #[must_use]
    pub fn from_config(config: &[u8]) -> Option<Self> {
        let &[version, channels, p0, p1, _, _, _, _, g0, g1, family] = config.first_chunk()?;
        if version != 0 {
            return None;
        }
        let gain = i16::from_be_bytes([g0, g1]);
        Self::checked(channels, u16::from_be_bytes([p0, p1]), gain, family, config.get(11..)?)
    }

    fn checked(channels: u8, pre_skip: u16, gain: i16, family: u8, rest: &[u8]) -> Option<Self> {
        let mapping = match (family, channels) {
            (_, 0) | (0, 3..) => return None,
            (0, _) => Vec::new(),
            _ => rest.get(..2 + usize::from(channels))?.to_vec(),
        };
        Some(Self { channels, pre_skip, gain, family, mapping })
    }

    /// The payload of the `dOps` box. Its input sampling rate is always 48,000: Firefox's 44,100 stops Chromium's MSE.
    #[must_use]
    pub fn config(&self) -> Vec<u8> {
        let mut out = vec![0, self.channels];
        out.extend(self.pre_skip.to_be_bytes());
        out.extend(48_000_u32.to_be_bytes());
        out.extend(self.gain.to_be_bytes());
        out.push(self.family);
        out.extend(&self.mapping);
        out
    }

    /// The `OpusHead` that WebM carries as `CodecPrivate`.
    #[must_use]
    pub fn opus_head(&self) -> Vec<u8> {
        let mut out = b"OpusHead".to_vec();
        out.extend([1, self.channels]);
        out.extend(self.pre_skip.to_le_bytes());
        out.extend(48_000_u32.to_le_bytes());
        out.extend(self.gain.to_le_bytes());
        out.push(self.family);
        out.extend(&self.mapping);
        out
    }

    /// The pre-skip that is stored: 312 where the encoder announced as much or more, else 0. Players of MP4 without an
    /// edit list show sound earlier by the pre-skip, so Chromium's 3,840 would be 80 ms off the picture.
    #[must_use]
    pub fn stored_pre_skip(&self) -> u16 {
        if self.pre_skip >= 312 { 312 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_how_long_it_is() {
        assert_eq!(duration_48k(&[0xfc, 0xff, 0xfe]), Some(960));
        assert_eq!(duration_48k(&[0xff, 0x03, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe]), Some(2880));
        assert_eq!(duration_48k(&[0x80]), Some(120));
        assert_eq!(duration_48k(&[0x19]), Some(5760));
        assert_eq!(duration_48k(&[0x0b, 0x30]), None);
        assert_eq!(duration_48k(&[0xff, 0x00]), None);
        assert_eq!(duration_48k(&[0xff]), None);
        assert_eq!(duration_48k(&[]), None);
    }

    #[test]
    fn firefox_head_becomes_a_config_of_48_khz_and_back() {
        let head = *b"OpusHead\x01\x01\x38\x01\x44\xac\x00\x00\x00\x00\x00";
        let head = Head::from_opus_head(&head).unwrap();
        assert_eq!((head.channels, head.pre_skip), (1, 312));
        assert_eq!(head.config(), [0, 1, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]);
        assert_eq!(Head::from_config(&head.config()), Some(head.clone()));
        assert_eq!(Head::from_opus_head(&head.opus_head()), Some(head));
    }

    #[test]
    fn a_head_without_its_channel_mapping_is_refused() {
        assert_eq!(Head::from_opus_head(b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04"), None);
        assert_eq!(Head::from_opus_head(b"OpusHead\x01\x03\x38\x01\x80\xbb\x00\x00\x00\x00\x00"), None);
        assert_eq!(Head::from_opus_head(b"OpusHead"), None);
        assert_eq!(Head::from_config(&[]), None);
    }
}
