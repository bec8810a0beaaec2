//! A connection from its handshake to its end: commands and their answers (RTMP 1.0, 7.2).

use bytes::{Buf, Bytes};
use media::Kind;
use media::container::Event;

use super::amf::{self, Value};
use super::chunk::{self, Message, Reader};
use super::handshake::Handshake;
use super::media_messages::Media;
use super::{Error, Target};

/// Bytes of unfinished messages before somebody was let in, and afterwards.
const MOST_BEFORE: usize = 128 << 10;
const MOST_PUBLISHING: usize = 16 << 20;
/// Commands of a connection at most: encoders send about six for each time that they publish.
const MOST_COMMANDS: u32 = 1_000;
/// Bytes of the name of an application or of a stream at most.
const MOST_NAME: usize = 512;
/// The application that is published to.
const APPLICATION: &str = "live";
/// Bytes after which we tell how many came, where the other side says nothing else (5.4.3 and 5.4.4); told to it, too.
const WINDOW: u32 = 2_500_000;
/// The message stream that is published on.
const STREAM: u32 = 1;
/// Chunk streams of our messages: of the connection, of commands, of what is said about a stream.
const CONTROL: u8 = 2;
const COMMANDS: u8 = 3;
const STATUS: u8 = 5;

/// Types of messages (5.4 and 7.1).
mod kind {
    pub(super) const ACKNOWLEDGEMENT: u8 = 3;
    pub(super) const USER_CONTROL: u8 = 4;
    pub(super) const WINDOW_SIZE: u8 = 5;
    pub(super) const PEER_BANDWIDTH: u8 = 6;
    pub(super) const AUDIO: u8 = 8;
    pub(super) const VIDEO: u8 = 9;
    pub(super) const DATA_AMF3: u8 = 15;
    pub(super) const COMMAND_AMF3: u8 = 17;
    pub(super) const DATA: u8 = 18;
    pub(super) const COMMAND: u8 = 20;
    pub(super) const AGGREGATE: u8 = 22;
}

/// Events of user control messages (7.1.7).
mod event {
    pub(super) const STREAM_BEGINS: u16 = 0;
    pub(super) const PING: u16 = 6;
    pub(super) const PONG: u16 = 7;
}

/// What a connection has come to.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Somebody asks to publish: to be answered by [`Session::accept`] or [`Session::refuse`].
    Publish(Target),
    /// What was published.
    Event(Event),
    /// The publisher says that it has ended. It may publish again.
    End,
}

/// How a refusal is named to the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such stream to publish to, or not for them.
    BadName,
    /// It cannot be recorded.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked yet.
    New,
    Connected,
    /// Somebody asked to publish and was not answered yet.
    Asking,
    Publishing,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// Until it is done.
    handshake: Option<Handshake>,
    reader: Reader,
    stage: Stage,
    media: Media,
    /// Messages of an aggregate message that are still to be taken.
    aggregate: Option<Aggregate>,
    out: Vec<u8>,
    /// Commands that may still come.
    commands: u32,
    /// Bytes that came, and of these those that the other side was told of; both wrap.
    received: u32,
    told: u32,
    window: u32,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            handshake: Some(Handshake::new()),
            reader: Reader::new(MOST_BEFORE),
            stage: Stage::New,
            media: Media::default(),
            aggregate: None,
            out: Vec::new(),
            commands: MOST_COMMANDS,
            received: 0,
            told: 0,
            window: WINDOW,
        }
    }
}

impl Session {
    /// Takes bytes off the front of the input until something is to be done; `None` when all of it was taken. What is to
    /// be sent is asked for after each call ([`to_send`](Self::to_send)). `now_ms`: when the bytes came, in milliseconds.
    ///
    /// # Errors
    /// What breaks the protocol or a limit, or a codec that is not taken. The connection is to be closed then.
    pub fn step(&mut self, input: &mut &[u8], now_ms: i64) -> Result<Option<Step>, Error> {
        let before = input.len();
        let step = self.take(input, now_ms);
        self.received = self.received.wrapping_add((before - input.len()) as u32);
        if self.handshake.is_none() && self.received.wrapping_sub(self.told) >= self.window {
            self.told = self.received;
            self.control(kind::ACKNOWLEDGEMENT, chunk::u32_bytes(self.received));
        }
        step
    }

    /// What is to be sent to the other side by now.
    pub fn to_send(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Whether somebody was let in and has not ended.
    #[must_use]
    pub fn is_publishing(&self) -> bool {
        self.stage == Stage::Publishing
    }

    /// Lets in who asked to publish.
    pub fn accept(&mut self) {
        self.stage = Stage::Publishing;
        self.media = Media::default();
        self.reader.set_limit(MOST_PUBLISHING);
        let begins = [&event::STREAM_BEGINS.to_be_bytes()[..], &STREAM.to_be_bytes()].concat();
        self.control(kind::USER_CONTROL, begins.into());
        self.status("status", "NetStream.Publish.Start", "");
    }

    /// Says why somebody is not let in, or does not go on. The connection is to be closed once that is sent.
    pub fn refuse(&mut self, refusal: Refusal, description: &str) {
        let code = match refusal {
            Refusal::BadName => "NetStream.Publish.BadName",
            Refusal::Failed => "NetStream.Publish.Failed",
        };
        match self.stage {
            _ if self.handshake.is_some() => {}
            Stage::New => self.refuse_connection(description),
            _ => self.status("error", code, description),
        }
    }

    /// Says that the live has ended, to a publisher that did nothing wrong.
    pub fn end(&mut self, description: &str) {
        self.status("status", "NetStream.Unpublish.Success", description);
    }

    fn take(&mut self, input: &mut &[u8], now_ms: i64) -> Result<Option<Step>, Error> {
        if let Some(handshake) = &mut self.handshake {
            if !handshake.take(input, &mut self.out)? {
                return Ok(None);
            }
            self.handshake = None;
        }
        loop {
            if let Some(event) = self.media.next_event() {
                return Ok(Some(Step::Event(event)));
            }
            let message = match self.next_of_aggregate() {
                Some(message) => message,
                None => match self.reader.next(input)? {
                    Some(message) => message,
                    None => return Ok(None),
                },
            };
            if let Some(step) = self.hear(message, now_ms)? {
                return Ok(Some(step));
            }
        }
    }

    fn hear(&mut self, message: Message, now_ms: i64) -> Result<Option<Step>, Error> {
        let Message { kind, timestamp, mut payload, .. } = message;
        match kind {
            kind::VIDEO | kind::AUDIO if self.stage == Stage::Publishing => {
                let track = if kind == kind::VIDEO { Kind::Video } else { Kind::Audio };
                self.media.take(track, timestamp, payload, now_ms)?;
            }
            kind::AGGREGATE if self.stage == Stage::Publishing => {
                self.aggregate = Some(Aggregate { rest: payload, time: timestamp, first: None });
            }
            kind::COMMAND | kind::COMMAND_AMF3 => {
                skip_format(kind, &mut payload);
                return self.command(&payload);
            }
            kind::DATA | kind::DATA_AMF3 => {
                // What an encoder says of itself (`@setDataFrame`) decides nothing: its frames do.
                skip_format(kind, &mut payload);
                if amf::read(&payload) == Err(amf::Bad::TooMuch) {
                    return Err(Error::Deep);
                }
            }
            kind::USER_CONTROL => self.user_control(&payload),
            kind::WINDOW_SIZE => {
                if let Ok(window) = payload.try_get_u32() {
                    self.window = window.max(1);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn next_of_aggregate(&mut self) -> Option<Message> {
        let message = self.aggregate.as_mut()?.next();
        if message.is_none() {
            self.aggregate = None;
        }
        message
    }

    /// Answers a ping: anything else says nothing to who records.
    fn user_control(&mut self, payload: &[u8]) {
        if let Some((kind, rest)) = payload.split_first_chunk()
            && u16::from_be_bytes(*kind) == event::PING
            && let Some(time) = rest.first_chunk::<4>()
        {
            let pong = [&event::PONG.to_be_bytes()[..], time].concat();
            self.control(kind::USER_CONTROL, pong.into());
        }
    }

    fn command(&mut self, payload: &[u8]) -> Result<Option<Step>, Error> {
        self.commands = self.commands.checked_sub(1).ok_or(Error::Commands)?;
        let values = amf::read(payload)?;
        let Some(name) = values.first().and_then(Value::as_str) else { return Err(Error::Command) };
        let transaction = match values.get(1) {
            Some(Value::Number(number)) => *number,
            _ => 0.0,
        };
        match name {
            "connect" => self.connect(transaction, values.get(2)),
            "createStream" => {
                self.result(transaction, Value::Null, Value::Number(STREAM.into()));
                Ok(None)
            }
            "releaseStream" | "FCPublish" => {
                self.result(transaction, Value::Null, Value::Null);
                Ok(None)
            }
            "publish" => self.publish(values.get(3)),
            "play" | "play2" => {
                let sentence = "On ne peut que publier ici. / This is for publishing only.";
                self.status("error", "NetStream.Play.Failed", sentence);
                Ok(None)
            }
            "deleteStream" | "closeStream" | "FCUnpublish" => Ok(self.unpublish()),
            _ => Ok(None),
        }
    }

    fn connect(&mut self, transaction: f64, asked: Option<&Value>) -> Result<Option<Step>, Error> {
        if self.stage != Stage::New {
            return Err(Error::Malformed("connect comes twice"));
        }
        let app = asked.and_then(|asked| asked.get("app")).and_then(Value::as_str).unwrap_or_default();
        let app = app.split('?').next().unwrap_or_default().trim_matches('/');
        if app != APPLICATION {
            self.refuse_connection("L'adresse finit par /live. / The address ends in /live.");
            return Ok(None);
        }
        self.stage = Stage::Connected;
        self.control(kind::WINDOW_SIZE, chunk::u32_bytes(WINDOW));
        let dynamic = [&WINDOW.to_be_bytes()[..], &[2]].concat();
        self.control(kind::PEER_BANDWIDTH, dynamic.into());
        chunk::write_size(&mut self.out);
        let server = object(&[("fmsVer", text("FMS/3,0,1,123")), ("capabilities", Value::Number(31.0))]);
        let codecs = ["avc1", "hvc1", "av01", "vp09", "vp08", "mp4a", "Opus"].map(text);
        let said = object(&[
            ("level", text("status")),
            ("code", text("NetConnection.Connect.Success")),
            ("description", text("")),
            ("objectEncoding", Value::Number(0.0)),
            ("fourCcList", Value::Array(codecs.into())),
        ]);
        self.result(transaction, server, said);
        Ok(None)
    }

    fn publish(&mut self, name: Option<&Value>) -> Result<Option<Step>, Error> {
        match self.stage {
            Stage::New => return Err(Error::Malformed("publish comes before connect")),
            Stage::Asking | Stage::Publishing => return Err(Error::Malformed("publish comes twice")),
            Stage::Connected => {}
        }
        let name = name.and_then(Value::as_str).filter(|name| name.len() <= MOST_NAME).unwrap_or_default();
        self.stage = Stage::Asking;
        Ok(Some(Step::Publish(Target::read(name))))
    }

    fn unpublish(&mut self) -> Option<Step> {
        if self.stage != Stage::Publishing {
            return None;
        }
        self.stage = Stage::Connected;
        self.aggregate = None;
        self.reader.set_limit(MOST_BEFORE);
        Some(Step::End)
    }

    fn refuse_connection(&mut self, description: &str) {
        let said = object(&[
            ("level", text("error")),
            ("code", text("NetConnection.Connect.Rejected")),
            ("description", text(description)),
        ]);
        self.send_command(COMMANDS, 0, &[text("_error"), Value::Number(1.0), Value::Null, said]);
    }

    fn result(&mut self, transaction: f64, about: Value, result: Value) {
        self.send_command(COMMANDS, 0, &[text("_result"), Value::Number(transaction), about, result]);
    }

    fn status(&mut self, level: &str, code: &str, description: &str) {
        let said =
            object(&[("level", text(level)), ("code", text(code)), ("description", text(description))]);
        self.send_command(STATUS, STREAM, &[text("onStatus"), Value::Number(0.0), Value::Null, said]);
    }

    fn send_command(&mut self, id: u8, stream: u32, values: &[Value]) {
        let mut payload = Vec::new();
        amf::write(&mut payload, values);
        let message = Message { kind: kind::COMMAND, timestamp: 0, stream, payload: payload.into() };
        chunk::write(&mut self.out, id, &message);
    }

    fn control(&mut self, kind: u8, payload: Bytes) {
        chunk::write(&mut self.out, CONTROL, &Message { kind, timestamp: 0, stream: 0, payload });
    }
}

/// Messages in a message (7.1.6): the bodies of FLV tags one behind the other, each with its time.
#[derive(Debug)]
struct Aggregate {
    rest: Bytes,
    /// The time of the whole.
    time: u32,
    /// The time that the first one says, which is that of the whole.
    first: Option<u32>,
}

impl Aggregate {
    /// The next message; `None` at the end, also at a torn one.
    fn next(&mut self) -> Option<Message> {
        const HEADER: usize = 11;
        const BACK: usize = 4;
        let header: [u8; HEADER] = *self.rest.first_chunk()?;
        let [kind, l0, l1, l2, t0, t1, t2, t3, ..] = header;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let said = u32::from_be_bytes([t3, t0, t1, t2]);
        if self.rest.len() < HEADER + length {
            return None;
        }
        self.rest.advance(HEADER);
        let payload = self.rest.split_to(length);
        self.rest.advance(BACK.min(self.rest.len()));
        let first = *self.first.get_or_insert(said);
        let timestamp = self.time.wrapping_add(said.wrapping_sub(first));
        // One in another is none.
        let kind = if kind == kind::AGGREGATE { 0 } else { kind };
        Some(Message { kind, timestamp, stream: STREAM, payload })
    }
}

/// Messages of AMF3 begin with a byte that says its version; encoders write AMF0 behind it all the same.
fn skip_format(kind: u8, payload: &mut Bytes) {
    if matches!(kind, kind::COMMAND_AMF3 | kind::DATA_AMF3) && !payload.is_empty() {
        payload.advance(1);
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn object(members: &[(&str, Value)]) -> Value {
    Value::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}
