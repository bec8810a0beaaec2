//! Boxes of a movie.

use super::movie::{Chunk, Durations, Movie, Offsets, Sync, Track};
use super::tree::{From, Node, Part};

/// Flags of a sample that depends on no other, and of one that does (8.8.3.1).
const KEY: u32 = 0x200_0000;
const NO_KEY: u32 = 0x101_0000;

impl Movie {
    /// The boxes of the file.
    pub(crate) fn boxes(&self) -> Vec<Node> {
        let ftyp = Node::of(b"ftyp", self.ftyp.clone());
        let moov = self.moov();
        let mut top = vec![ftyp];
        if self.layout.is_fragmented {
            top.push(moov);
            let mut media = 0;
            for (number, fragment) in self.layout.fragments.iter().enumerate() {
                self.fragment(number as u32 + 1, fragment, &mut media, &mut top);
            }
            return top;
        }
        let mut mdats = Vec::new();
        let mut parts = Vec::new();
        for (number, chunk) in self.chunks().enumerate() {
            parts.push(Part::Media(number, self.media(chunk)));
            if self.layout.pad > 0 {
                parts.push(Part::Bytes(vec![0xA5; self.layout.pad]));
            }
            if self.layout.many_mdats && number % 3 == 2 {
                mdats.push(Node::new(b"mdat", std::mem::take(&mut parts)));
            }
        }
        mdats.push(Node::new(b"mdat", parts));
        if self.layout.moov_last {
            top.extend(mdats);
            top.push(moov);
        } else {
            top.push(moov);
            top.extend(mdats);
        }
        top
    }

    /// All chunks in the order of the file.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.layout.fragments.iter().flatten()
    }

    fn media(&self, chunk: &Chunk) -> Vec<u8> {
        let samples = &self.tracks[chunk.track].samples[chunk.samples.clone()];
        samples.iter().flat_map(|sample| sample.data.iter().copied()).collect()
    }

    fn entry(&self, chunk: &Chunk) -> usize {
        self.tracks[chunk.track].samples[chunk.samples.start].entry
    }

    /// A duration as the header has it.
    fn duration(&self, is_true: u64) -> u64 {
        match self.layout.durations {
            Durations::Zero => 0,
            _ if self.layout.is_fragmented && self.layout.durations == Durations::True => 0,
            Durations::True => is_true,
            Durations::Nonsense => 1 + is_true / 7,
        }
    }

    /// How long a track is shown, in ticks of the movie.
    fn shown(&self, track: &Track) -> u64 {
        if let Some(edits) = &track.edits {
            return edits.iter().map(|(duration, _)| duration).sum();
        }
        let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        (u128::from(ticks) * u128::from(self.timescale) / u128::from(track.timescale)) as u64
    }

    fn moov(&self) -> Node {
        let longest = self.tracks.iter().map(|track| self.shown(track)).max().unwrap_or(0);
        let mut fields = self.times(Some(self.timescale), self.duration(longest));
        fields.extend([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        fields.extend(UNIT_MATRIX);
        fields.extend([0; 24]);
        let next = self.tracks.iter().map(|track| track.id).max().unwrap_or(0).wrapping_add(1);
        fields.extend(next.to_be_bytes());
        let mut children = vec![Node::full(b"mvhd", u8::from(self.layout.long_heads), 0, &fields)];
        children.extend((0..self.tracks.len()).map(|index| self.trak(index)));
        if self.layout.is_fragmented {
            let trexes = self.tracks.iter().map(|track| {
                let mut fields = track.id.to_be_bytes().to_vec();
                [1, 0, 0, 0].iter().for_each(|field: &u32| fields.extend(field.to_be_bytes()));
                Node::full(b"trex", 0, 0, &fields)
            });
            children.push(Node::holding(b"mvex", trexes.collect()));
        }
        Node::holding(b"moov", children)
    }

    /// Creation, modification, timescale and duration.
    fn times(&self, timescale: Option<u32>, duration: u64) -> Vec<u8> {
        let is_long = self.layout.long_heads;
        let mut fields = vec![0; if is_long { 16 } else { 8 }];
        fields.extend(timescale.into_iter().flat_map(u32::to_be_bytes));
        if is_long {
            fields.extend(duration.to_be_bytes());
        } else {
            fields.extend((duration as u32).to_be_bytes());
        }
        fields
    }

    fn trak(&self, index: usize) -> Node {
        let track = &self.tracks[index];
        let version = u8::from(self.layout.long_heads);
        let shown = self.duration(self.shown(track));
        let mut fields = vec![0; if version == 1 { 16 } else { 8 }];
        fields.extend(track.id.to_be_bytes());
        fields.extend([0; 4]);
        let duration = shown.to_be_bytes();
        fields.extend(&duration[if version == 1 { 0 } else { 4 }..]);
        fields.extend([0; 8]);
        fields.extend([0, 0]);
        fields.extend(track.group.to_be_bytes());
        fields.extend(track.volume.to_be_bytes());
        fields.extend([0, 0]);
        fields.extend(track.matrix);
        fields.extend(track.size.0.to_be_bytes());
        fields.extend(track.size.1.to_be_bytes());
        let mut children = vec![Node::full(b"tkhd", version, track.flags, &fields)];
        if let Some(edits) = &track.edits {
            children.push(Node::holding(b"edts", vec![self.elst(edits)]));
        }
        children.push(self.mdia(index));
        Node::holding(b"trak", children)
    }

    fn elst(&self, edits: &[(u64, i64)]) -> Node {
        let is_long = self.layout.long_heads;
        let mut fields = (edits.len() as u32).to_be_bytes().to_vec();
        for (duration, time) in edits {
            let from = if is_long { 0 } else { 4 };
            fields.extend(&duration.to_be_bytes()[from..]);
            fields.extend(&time.to_be_bytes()[from..]);
            fields.extend([0, 1, 0, 0]);
        }
        Node::full(b"elst", u8::from(is_long), 0, &fields)
    }

    fn mdia(&self, index: usize) -> Node {
        let track = &self.tracks[index];
        let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let mut fields = self.times(Some(track.timescale), self.duration(ticks));
        fields.extend(track.language.to_be_bytes());
        fields.extend([0, 0]);
        let mdhd = Node::full(b"mdhd", u8::from(self.layout.long_heads), 0, &fields);
        let mut fields = vec![0; 4];
        fields.extend(track.handler);
        fields.extend([0; 12]);
        fields.extend(b"a\0");
        let hdlr = Node::full(b"hdlr", 0, 0, &fields);
        let head = match &track.handler {
            b"vide" => Node::full(b"vmhd", 0, 1, &[0; 8]),
            b"soun" => Node::full(b"smhd", 0, 0, &[0; 4]),
            _ => Node::full(b"nmhd", 0, 0, &[]),
        };
        let url = Node::full(b"url ", 0, 1, &[]);
        let dref = Node::new(b"dref", vec![Part::Bytes(vec![0, 0, 0, 0, 0, 0, 0, 1]), Part::Child(url)]);
        let dinf = Node::holding(b"dinf", vec![dref]);
        let minf = Node::holding(b"minf", vec![head, dinf, self.stbl(index)]);
        Node::holding(b"mdia", vec![mdhd, hdlr, minf])
    }

    fn stbl(&self, index: usize) -> Node {
        let track = &self.tracks[index];
        let mut stsd = vec![0; 4];
        stsd.extend((track.entries.len() as u32).to_be_bytes());
        track.entries.iter().for_each(|entry| stsd.extend(entry));
        let mut children = vec![Node::of(b"stsd", stsd)];
        if self.layout.is_fragmented {
            children.push(Node::full(b"stts", 0, 0, &[0; 4]));
            children.push(Node::full(b"stsc", 0, 0, &[0; 4]));
            children.push(Node::full(b"stsz", 0, 0, &[0; 8]));
            children.push(Node::full(b"stco", 0, 0, &[0; 4]));
            return Node::holding(b"stbl", children);
        }
        let samples = &track.samples;
        let steps: Vec<u32> = (0..samples.len())
            .map(|at| match samples.get(at + 1) {
                Some(next) => (next.dts - samples[at].dts).clamp(0, i64::from(u32::MAX)) as u32,
                None => samples[at].duration,
            })
            .collect();
        children.push(Node::full(b"stts", 0, 0, &self.rows(&steps)));
        if samples.iter().any(|sample| sample.cts != 0) {
            let version =
                u8::from(!self.layout.unsigned_offsets || samples.iter().any(|sample| sample.cts < 0));
            let offsets: Vec<u32> =
                samples.iter().map(|sample| (sample.cts as i32).cast_unsigned()).collect();
            children.push(Node::full(b"ctts", version, 0, &self.rows(&offsets)));
        }
        if self.layout.sync == Sync::True && samples.iter().any(|sample| !sample.key) {
            let keys: Vec<u32> =
                (1..).zip(samples).filter(|(_, sample)| sample.key).map(|(at, _)| at).collect();
            children.push(Node::full(b"stss", 0, 0, &list(&keys)));
        }
        children.push(self.stsc(index));
        children.push(self.sizes(index));
        children.push(self.places(index));
        Node::holding(b"stbl", children)
    }

    /// A table of runs.
    fn rows(&self, values: &[u32]) -> Vec<u8> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for value in values {
            match runs.last_mut() {
                Some((count, last)) if last == value && !self.layout.long_tables => *count += 1,
                _ => runs.push((1, *value)),
            }
        }
        let mut fields = (runs.len() as u32).to_be_bytes().to_vec();
        for (count, value) in runs {
            fields.extend(count.to_be_bytes());
            fields.extend(value.to_be_bytes());
        }
        fields
    }

    /// Chunks of a track in the order of its samples, each with its number in the file. A chunk of samples of several
    /// descriptions counts as several.
    fn chunks_of(&self, index: usize) -> Vec<(usize, &Chunk)> {
        let mut chunks: Vec<_> =
            self.chunks().enumerate().filter(|(_, chunk)| chunk.track == index).collect();
        chunks.sort_by_key(|(_, chunk)| chunk.samples.start);
        chunks
    }

    fn stsc(&self, index: usize) -> Node {
        let samples = &self.tracks[index].samples;
        let mut rows: Vec<[u32; 3]> = Vec::new();
        for (number, (_, chunk)) in (1_u32..).zip(self.chunks_of(index)) {
            let entry = samples[chunk.samples.start].entry as u32 + 1;
            let row = [number, chunk.samples.len() as u32, entry];
            if rows.last().is_none_or(|last| last[1..] != row[1..]) || self.layout.long_tables {
                rows.push(row);
            }
        }
        let mut fields = (rows.len() as u32).to_be_bytes().to_vec();
        rows.iter().flatten().for_each(|field| fields.extend(field.to_be_bytes()));
        Node::full(b"stsc", 0, 0, &fields)
    }

    fn sizes(&self, index: usize) -> Node {
        let sizes: Vec<u32> =
            self.tracks[index].samples.iter().map(|sample| sample.data.len() as u32).collect();
        let most = sizes.iter().max().copied().unwrap_or(0);
        let bits = self.layout.stz2.filter(|bits| most < 1 << bits);
        let count = (sizes.len() as u32).to_be_bytes();
        let Some(bits) = bits else {
            let same = sizes.first().copied().filter(|first| sizes.iter().all(|size| size == first));
            let mut fields = same.unwrap_or(0).to_be_bytes().to_vec();
            fields.extend(count);
            if same.is_none() {
                sizes.iter().for_each(|size| fields.extend(size.to_be_bytes()));
            }
            return Node::full(b"stsz", 0, 0, &fields);
        };
        let mut fields = vec![0, 0, 0, bits];
        fields.extend(count);
        match bits {
            4 => fields.extend(sizes.chunks(2).map(|pair| (pair[0] << 4 | pair.get(1).unwrap_or(&0)) as u8)),
            8 => fields.extend(sizes.iter().map(|size| *size as u8)),
            _ => sizes.iter().for_each(|size| fields.extend((*size as u16).to_be_bytes())),
        }
        Node::full(b"stz2", 0, 0, &fields)
    }

    fn places(&self, index: usize) -> Node {
        let chunks = self.chunks_of(index);
        let mut fields = vec![0; 4];
        fields.extend((chunks.len() as u32).to_be_bytes());
        let (kind, width) = if self.layout.co64 { (b"co64", 8) } else { (b"stco", 4) };
        let mut parts = vec![Part::Bytes(fields)];
        parts.extend(chunks.iter().map(|(media, _)| Part::Place { media: *media, width, from: From::File }));
        Node::new(kind, parts)
    }

    fn fragment(&self, number: u32, chunks: &[Chunk], media: &mut usize, top: &mut Vec<Node>) {
        let first = *media;
        let mut trafs = Vec::new();
        let mut at = 0;
        while at < chunks.len() {
            // Runs of one track that stand together and go on where the last ended are one `traf`.
            let mut end = at + 1;
            while end < chunks.len()
                && chunks[end].track == chunks[at].track
                && self.entry(&chunks[end]) == self.entry(&chunks[at])
                && chunks[end].samples.start == chunks[end - 1].samples.end
            {
                end += 1;
            }
            let from = match self.layout.offsets {
                Offsets::Absolute => From::Media(first),
                // The data of a later track counts from the end of the one before (8.8.7.1).
                Offsets::Old if at > 0 => From::After(first + at - 1),
                _ => From::Fragment,
            };
            trafs.push(self.traf(&chunks[at..end], first + at, first, from));
            at = end;
        }
        let mut moof = vec![Node::full(b"mfhd", 0, 0, &number.to_be_bytes())];
        moof.extend(trafs);
        top.push(Node::holding(b"moof", moof));
        let mut parts = Vec::new();
        for chunk in chunks {
            parts.push(Part::Media(*media, self.media(chunk)));
            *media += 1;
            if self.layout.pad > 0 {
                parts.push(Part::Bytes(vec![0xA5; self.layout.pad]));
            }
            if self.layout.many_mdats {
                top.push(Node::new(b"mdat", std::mem::take(&mut parts)));
            }
        }
        if !self.layout.many_mdats {
            top.push(Node::new(b"mdat", parts));
        }
    }

    fn traf(&self, runs: &[Chunk], media: usize, first: usize, from: From) -> Node {
        let track = &self.tracks[runs[0].track];
        let samples = &track.samples[runs[0].samples.start..runs[runs.len() - 1].samples.end];
        let lasts = samples[0].duration;
        let same = self.layout.defaults_in_tfhd && samples.iter().all(|sample| sample.duration == lasts);
        let mut flags: u32 = match self.layout.offsets {
            Offsets::FromMoof => 0x2_0000,
            Offsets::Absolute => 1,
            Offsets::Old => 0,
        };
        let mut tfhd = track.id.to_be_bytes().to_vec();
        let mut parts = Vec::new();
        if flags == 1 {
            parts.push(Part::Place { media: first, width: 8, from: From::File });
        }
        let mut rest = Vec::new();
        if samples[0].entry > 0 {
            flags |= 2;
            rest.extend((samples[0].entry as u32 + 1).to_be_bytes());
        }
        if same {
            flags |= 8;
            rest.extend(lasts.to_be_bytes());
        }
        flags |= 0x20;
        rest.extend(NO_KEY.to_be_bytes());
        let mut head = flags.to_be_bytes().to_vec();
        head.append(&mut tfhd);
        parts.insert(0, Part::Bytes(head));
        parts.push(Part::Bytes(rest));
        let dts = samples[0].dts;
        let tfdt = if self.layout.short_tfdt {
            Node::full(b"tfdt", 0, 0, &(dts as u32).to_be_bytes())
        } else {
            Node::full(b"tfdt", 1, 0, &dts.to_be_bytes())
        };
        let mut children = vec![Node::new(b"tfhd", parts), tfdt];
        for (number, run) in runs.iter().enumerate() {
            children.push(self.trun(run, media + number, from, same));
        }
        Node::holding(b"traf", children)
    }

    fn trun(&self, run: &Chunk, media: usize, from: From, same: bool) -> Node {
        let samples = &self.tracks[run.track].samples[run.samples.clone()];
        let has_offsets = samples.iter().any(|sample| sample.cts != 0);
        let version = u32::from(!self.layout.unsigned_offsets || samples.iter().any(|sample| sample.cts < 0));
        let key = |at: usize| self.layout.sync == Sync::All || samples[at].key;
        // The first one's flags alone are enough where it is the only key.
        let first_alone = self.layout.first_flags && (1..samples.len()).all(|at| !key(at));
        let mut flags = 1 | 0x200;
        flags |= if same { 0 } else { 0x100 };
        flags |= if first_alone { 4 } else { 0x400 };
        flags |= if has_offsets { 0x800 } else { 0 };
        let mut head = (version << 24 | flags).to_be_bytes().to_vec();
        head.extend((samples.len() as u32).to_be_bytes());
        let of = |at: usize| if key(at) { KEY } else { NO_KEY };
        let mut rows = Vec::new();
        if first_alone {
            rows.extend(of(0).to_be_bytes());
        }
        for (at, sample) in samples.iter().enumerate() {
            if !same {
                rows.extend(sample.duration.to_be_bytes());
            }
            rows.extend((sample.data.len() as u32).to_be_bytes());
            if !first_alone {
                rows.extend(of(at).to_be_bytes());
            }
            if has_offsets {
                rows.extend((sample.cts as i32).to_be_bytes());
            }
        }
        Node::new(b"trun", vec![Part::Bytes(head), Part::Place { media, width: 4, from }, Part::Bytes(rows)])
    }
}

/// A matrix that changes nothing.
pub(crate) const UNIT_MATRIX: [u8; 36] = [
    0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0,
    0, 0,
];

fn list(values: &[u32]) -> Vec<u8> {
    let mut fields = (values.len() as u32).to_be_bytes().to_vec();
    values.iter().for_each(|value| fields.extend(value.to_be_bytes()));
    fields
}
