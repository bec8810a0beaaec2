//! A conversation as files other programs read: CSV (RFC 4180) and WebVTT.

use wire::Time;

use crate::mentions::Mention;
use crate::message::{Kind, Message, message_id};

/// How long a message stands in a subtitle track, in milliseconds.
const CUE_MS: i64 = 5_000;

/// First line of the CSV file.
#[must_use]
pub fn csv_header() -> &'static str {
    "seq,id,timestamp,position_ms,take,ms,author_id,first_name,last_name,type,content,reply_to,deleted,mentions\r\n"
}

/// A message as a line of CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front.
#[must_use]
pub fn csv_row(message: &Message, position_ms: i64) -> String {
    let seq = message.seq.unwrap_or_default();
    let id = message_id(message.live_id, seq);
    let reply_to =
        message.reply_to.map(|seq| message_id(message.live_id, seq).to_string()).unwrap_or_default();
    let kind = if message.kind == Kind::Emoji { "emoji" } else { "text" };
    let name = |mention: &Mention| format!("{} {}", mention.first_name, mention.last_name).trim().to_owned();
    let mentioned: Vec<_> = message.mentions.iter().map(name).collect();
    format!(
        "{seq},{id},{},{position_ms},{},{},{},{},{},{kind},{},{reply_to},{},{}\r\n",
        Time(message.created_at_ms.0),
        message.position.take,
        message.position.ms,
        message.author.id,
        csv_text(&message.author.first_name),
        csv_text(&message.author.last_name),
        csv_text(&message.content),
        message.deleted,
        csv_text(&mentioned.join(", ")),
    )
}

fn csv_text(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// First lines of a WebVTT file.
pub const VTT_HEADER: &str = "WEBVTT\n\n";

/// A message as a cue of WebVTT at its place; nothing for a deleted one.
#[must_use]
pub fn vtt_cue(message: &Message, position_ms: i64) -> String {
    if message.deleted {
        return String::new();
    }
    let name = format!("{} {}", message.author.first_name, message.author.last_name);
    format!(
        "{}\n{} --> {}\n<v {}>{}</v>\n\n",
        message.seq.unwrap_or_default(),
        vtt_time(position_ms),
        vtt_time(position_ms.saturating_add(CUE_MS)),
        vtt_text(name.trim()).replace('\n', " "),
        vtt_text(&message.content),
    )
}

/// Cue text without markup of its own, and without the empty line that would end the cue.
fn vtt_text(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn vtt_time(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use timeline::Position;

    use ids::{LiveId, PersonId, Seq, UnixMs};

    use super::*;
    use crate::message::Author;

    fn message(content: &str) -> Message {
        Message {
            live_id: LiveId(1),
            seq: Some(Seq(2)),
            content: content.into(),
            created_at_ms: UnixMs(1_700_000_000_123),
            kind: Kind::Text,
            reply_to: Some(Seq(1)),
            position: Position { take: 1, ms: 7 },
            author: Author {
                id: PersonId(3),
                first_name: "Zoé".into(),
                last_name: "L\"é".into(),
                profile_picture: None,
            },
            mentions: vec![Mention { id: PersonId(4), first_name: "Ama".into(), last_name: String::new() }],
            deleted: false,
            on_replay: false,
            held: false,
        }
    }

    #[test]
    fn a_row_of_csv_survives_quotes_lines_and_formulas() {
        let row = csv_row(&message("=1+1, \"dit\"\nelle"), 3_661_007);
        assert_eq!(
            row,
            "2,16777218,2023-11-14T22:13:20.123Z,3661007,1,7,3,\"Zoé\",\"L\"\"é\",text,\"'=1+1, \"\"dit\"\"\nelle\",16777217,false,\"Ama\"\r\n"
        );
    }

    #[test]
    fn a_cue_stands_at_its_place_and_its_text_is_no_markup() {
        let cue = vtt_cue(&message("<b>a</b>\n\n--> &"), 3_661_007);
        assert_eq!(
            cue,
            "2\n01:01:01.007 --> 01:01:06.007\n<v Zoé L\"é>&lt;b&gt;a&lt;/b&gt;\n--&gt; &amp;</v>\n\n"
        );
        assert_eq!(vtt_cue(&Message { deleted: true, ..message("x") }, 0), "");
    }
}
