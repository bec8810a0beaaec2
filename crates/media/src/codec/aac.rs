//! AAC: the `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).

use super::bits::Bits;

/// What an `AudioSpecificConfig` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Audio object type: 2 is AAC LC, 5 is HE-AAC, 29 is HE-AAC v2.
    pub object_type: u8,
    /// Sampling rate of what is heard in Hz; with spectral band replication, the doubled one.
    pub sample_rate: u32,
    /// Channels, at least 1.
    pub channels: u8,
    /// Samples of a frame at [`sample_rate`](Config::sample_rate): 1,024 or 960, doubled with spectral band replication.
    pub frame_samples: u32,
}

/// Sampling rates by index (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Channels by configuration (ISO/IEC 14496-3, table 1.19); 0 means that a program configuration element counts them.
const CHANNELS: [u8; 15] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8];

/// The RFC 6381 string of a configuration: `mp4a.40.2`.
#[must_use]
pub fn string(config: &[u8]) -> String {
    let object_type = object_type(&mut Bits::new(config)).unwrap_or(2);
    format!("mp4a.40.{object_type}")
}

/// Reads an `AudioSpecificConfig` of the AAC family; `None` where it is damaged or of another one.
#[must_use]
pub fn parse(config: &[u8]) -> Option<Config> {
    let mut bits = Bits::new(config);
    let object_type = object_type(&mut bits)?;
    let mut sample_rate = rate(&mut bits)?;
    let configuration = bits.take(4)?;
    let mut core_type = object_type;
    let mut factor = 1;
    if matches!(object_type, 5 | 29) {
        let extended = rate(&mut bits)?;
        factor = if extended == sample_rate.checked_mul(2)? { 2 } else { 1 };
        sample_rate = extended;
        core_type = self::object_type(&mut bits)?;
    }
    // The types with a GASpecificConfig that phones and browsers make: main, LC, SSR, LTP (table 1.17).
    if !(1..=4).contains(&core_type) || sample_rate == 0 {
        return None;
    }
    let short = bits.flag()?;
    if bits.flag()? {
        bits.skip(14);
    }
    bits.flag()?;
    let channels = match *CHANNELS.get(configuration as usize)? {
        0 if configuration == 0 => channels_of_program(&mut bits)?,
        channels => channels,
    };
    let mono_made_stereo = object_type == 29 && channels == 1;
    Some(Config {
        object_type,
        sample_rate,
        channels: if mono_made_stereo { 2 } else { channels },
        frame_samples: if short { 960 } else { 1024 } * factor,
    })
    .filter(|config| config.channels > 0)
}

/// Whether what came as a frame is the `AudioSpecificConfig` of its track: Android's encoders give it as their first
/// buffer, and some recorders store it as a frame.
#[must_use]
pub fn is_configuration(frame: &[u8], config: &[u8]) -> bool {
    const SHORTEST: usize = 2;
    frame.len() >= SHORTEST && config.starts_with(frame)
}

fn object_type(bits: &mut Bits<'_>) -> Option<u8> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)? as u8),
        object_type => Some(object_type as u8),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(4)? {
        15 => bits.take(24),
        index => RATES.get(index as usize).copied(),
    }
}

/// The channels of a `program_config_element` (ISO/IEC 14496-3, 4.4.1.1).
fn channels_of_program(bits: &mut Bits<'_>) -> Option<u8> {
    bits.skip(4 + 2 + 4);
    let groups = [bits.take(4)?, bits.take(4)?, bits.take(4)?];
    let low_frequency = bits.take(2)?;
    bits.skip(3 + 4);
    for width in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(width);
        }
    }
    let mut channels = low_frequency as u8;
    for _ in 0..groups.iter().sum() {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.skip(4);
    }
    Some(channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configurations_are_read() {
        let low_complexity = parse(&[0x11, 0x90]).unwrap();
        assert_eq!(
            low_complexity,
            Config { object_type: 2, sample_rate: 48_000, channels: 2, frame_samples: 1024 }
        );
        assert_eq!(string(&[0x11, 0x90]), "mp4a.40.2");
        let mono_44100 = parse(&[0x12, 0x08]).unwrap();
        assert_eq!((mono_44100.sample_rate, mono_44100.channels), (44_100, 1));
    }

    #[test]
    fn band_replication_doubles_rate_and_frame() {
        // HE-AAC: type 5, 24,000 Hz, stereo, extension 48,000 Hz, core type 2.
        let config = [0b0010_1011, 0b0001_0001, 0b1000_1000, 0];
        let he = parse(&config).unwrap();
        assert_eq!(he, Config { object_type: 5, sample_rate: 48_000, channels: 2, frame_samples: 2048 });
        assert_eq!(string(&config), "mp4a.40.5");
    }

    #[test]
    fn short_frames_and_other_families_are_told_apart() {
        // frameLengthFlag set.
        assert_eq!(parse(&[0x11, 0x94]).unwrap().frame_samples, 960);
        // Object type 34, layer 3.
        assert_eq!(parse(&[0xf8, 0x40, 0x00, 0x00]), None);
        assert_eq!(parse(&[0x11]), None);
        assert_eq!(parse(&[]), None);
    }
}
