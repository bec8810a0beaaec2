use bytes::Bytes;
use wire::frames::ServerFrame;

/// A frame of the WebSocket as it is sent, made once for all who read it.
pub(crate) fn serialised(frame: &ServerFrame<'_>) -> Bytes {
    serde_json::to_vec(frame).expect("a frame has only strings and numbers").into()
}
