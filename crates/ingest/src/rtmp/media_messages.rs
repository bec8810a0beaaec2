//! From audio and video messages to the events of a recording.

use bytes::Bytes;
use media::container::Event;
use media::container::packets::{Packet, Packets};
use media::{Codec, Kind};

use super::Error;
use super::clock::Clock;
use super::tag::{self, Bad, Content, Tag};

/// What a publisher has sent, from its beginning.
#[derive(Debug, Default)]
pub(super) struct Media {
    packets: Packets,
    clock: Clock,
    /// The track of each kind that is recorded: the first that came.
    tracks: [Option<u8>; 2],
    /// Bytes of messages so far.
    offset: u64,
}

impl Media {
    /// Takes an audio or video message that came at `now_ms`, in milliseconds.
    ///
    /// # Errors
    /// [`Error::Codec`].
    pub(super) fn take(&mut self, kind: Kind, timestamp: u32, body: Bytes, now_ms: i64) -> Result<(), Error> {
        let offset = self.offset;
        self.offset += body.len() as u64;
        let tags = match tag::read(kind, body.clone()) {
            Ok(tags) => tags,
            Err(Bad::Codec(name)) => return Err(Error::Codec(name)),
            Err(Bad::Torn) => {
                self.packets.unreadable(kind, offset, body);
                return Ok(());
            }
        };
        for tag in tags {
            if *self.tracks[kind.slot()].get_or_insert(tag.track) == tag.track {
                self.take_tag(kind, timestamp, tag, offset, now_ms);
            }
        }
        Ok(())
    }

    /// The next event.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.packets.next_event()
    }

    fn take_tag(&mut self, kind: Kind, timestamp: u32, tag: Tag, offset: u64, now_ms: i64) {
        match tag.content {
            Content::Record(record) => {
                if self.packets.describe(tag.codec, &record).is_err() {
                    self.packets.unreadable(kind, offset, record);
                }
            }
            Content::Frame { data, .. } if data.is_empty() => {}
            Content::Frame { composition_ms, data } => {
                self.describe_by_frame(tag.codec, &data);
                let dts_ms = self.clock.time(kind, timestamp, now_ms);
                let pts_ms = dts_ms + i64::from(composition_ms);
                self.packets.push(Packet { kind, dts_ms, pts_ms, data, offset });
            }
            // Whatever follows begins with a record or a keyframe.
            Content::End => {}
        }
    }

    /// A frame of a codec that no record described: its own bytes say what is needed, but for AAC.
    fn describe_by_frame(&mut self, codec: Codec, data: &[u8]) {
        const STEREO: u8 = 4;
        if self.packets.codec(codec.kind()) == Some(codec) {
            return;
        }
        let channels = if data.first().is_some_and(|first| first & STEREO != 0) { 2 } else { 1 };
        let record = match codec {
            Codec::Opus => media::codec::opus::Head::plain(channels).opus_head(),
            _ => Vec::new(),
        };
        // AAC without a record is told as what it is: a track that cannot begin.
        let _ = self.packets.describe(codec, &record);
    }
}
