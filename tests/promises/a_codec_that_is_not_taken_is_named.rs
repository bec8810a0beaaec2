//! A recording in a codec that no browser plays, or that is not taken, is refused at its header, and the sentence names the
//! codec.

use promises::{Server, Upload, recorded};
use serde_json::json;

/// Recordings of `testdata/refused`, and what the sentence calls the codec.
const REFUSED: [(&str, &str); 14] = [
    ("vorbis.webm", "A_VORBIS"),
    ("vp8_vorbis.webm", "A_VORBIS"),
    ("theora_vorbis.webm", "V_THEORA"),
    ("theora.mkv", "V_THEORA"),
    ("mpeg4.mkv", "V_MPEG4/ISO/ASP"),
    ("pcm.mkv", "A_PCM/FLOAT/IEEE"),
    ("flac.mkv", "A_FLAC"),
    ("mpeg4.mp4", "mp4v"),
    ("mp3.mp4", "mp4a.6b"),
    ("ac3.mp4", "ac-3"),
    ("flac.mp4", "fLaC"),
    ("pcm.mov", "sowt"),
    ("mjpeg.mov", "jpeg"),
    ("compressed.mkv", "V_MPEG4/ISO/AVC"),
];

#[tokio::test(flavor = "multi_thread")]
async fn in_french_and_in_english_and_nothing_is_kept() {
    let server = Server::start().await;
    let author = server.person("Awa").await;
    for (name, codec) in REFUSED {
        let bytes = recorded(&format!("refused/{name}"));
        let length = bytes.len().to_string();
        for language in ["fr", "en"] {
            let live = author.start_live(json!({})).await;
            let api = author.api.speaking(language);
            let upload = Upload::create_with(&api, &live, &[("Upload-Length", &length)]).await;
            let sentence = upload.patch_at(0, &bytes, &[]).await.refusal(415);
            assert!(sentence.contains(codec), "{name}: {sentence}");
            assert_eq!(sentence.contains("pris en charge"), language == "fr", "{name}: {sentence}");
            assert_eq!(live.shown(&author.api).await["replay"], json!(null), "{name}");
        }
    }
}
