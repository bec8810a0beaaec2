//! A finished MP4 that is there whole: any movie box, its samples wherever it says that they lie, and what is cut of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use media::container::mp4::whole;
use timeline::fragmenter::Fragmenter;

fuzz_target!(|input: (u16, &[u8])| {
    let (size, bytes) = input;
    let (movie, media) = bytes.split_at(usize::from(size).min(bytes.len()));
    let mut moov = Vec::with_capacity(movie.len() + 8);
    moov.extend((movie.len() as u32 + 8).to_be_bytes());
    moov.extend(b"moov");
    moov.extend(movie);
    let moov = moov.into();
    let Ok(Some(mut reader)) = whole::Reader::new(&moov, media.len() as u64) else { return };
    let (mut fragmenter, mut outputs) = (Fragmenter::default(), Vec::new());
    while let Some(place) = reader.wanted() {
        assert!(place.start <= place.end && place.end <= media.len() as u64);
        reader.give(&media[place.start as usize..place.end as usize]);
        while let Some(event) = reader.next() {
            fragmenter.push(event, &mut outputs);
        }
        outputs.clear();
    }
    let _ = reader.finish();
    while let Some(event) = reader.next() {
        fragmenter.push(event, &mut outputs);
    }
    fragmenter.flush(&mut outputs);
});
