//! The pace of whoever sends and reads: a connection that moves too little is ended, so that it holds no place.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What is looked at: so long.
const WINDOW: Duration = Duration::from_secs(30);
/// Bytes that a reader takes within a window at least, while more waits for it.
const LEAST_READ: usize = 4 << 10;
/// Bytes that a sender brings within a window at least: less than the sound of a muted microphone.
const LEAST_SENT: usize = 512;

/// How much came or went while somebody waited.
#[derive(Debug)]
struct Pace {
    least: usize,
    every: Duration,
    moved: usize,
    window: Option<Pin<Box<Sleep>>>,
    /// Since when nothing is waited for: what is left of the window then is left of it afterwards.
    paused: Option<Instant>,
}

impl Pace {
    fn new(least: usize, every: Duration) -> Self {
        Self { least, every, moved: 0, window: None, paused: None }
    }

    fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// Nothing is waited for: what comes next begins a window of its own.
    fn rest(&mut self) {
        self.moved = 0;
        self.window = None;
    }

    /// Nothing is waited for until the pace is looked at again: the window stands still meanwhile.
    fn pause(&mut self) {
        self.paused.get_or_insert_with(Instant::now);
    }

    /// Ready when a window went by in which too little moved.
    fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let window = self.window.get_or_insert_with(|| Box::pin(sleep(self.every)));
        if let Some(paused) = self.paused.take() {
            let until = window.deadline() + paused.elapsed();
            window.as_mut().reset(until);
        }
        loop {
            ready!(window.as_mut().poll(context));
            if self.moved < self.least {
                return Poll::Ready(());
            }
            self.moved = 0;
            window.as_mut().reset(Instant::now() + self.every);
        }
    }
}

/// A connection whose reader must take what is written.
#[derive(Debug)]
pub(crate) struct PacedReader<S> {
    stream: S,
    pace: Pace,
}

impl<S> PacedReader<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, pace: Pace::new(LEAST_READ, WINDOW) }
    }

    /// Counts what a write moved of so many bytes, or waits no longer than the pace allows.
    fn count(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<Result<usize>>,
        of: usize,
    ) -> Poll<Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) if *count == of => self.pace.rest(),
            Poll::Ready(Ok(count)) => self.pace.moved(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if self.pace.poll_too_slow(context).is_ready() {
                    return Poll::Ready(Err(too_slow()));
                }
            }
        }
        written
    }
}

fn too_slow() -> Error {
    Error::new(ErrorKind::TimedOut, "the other side is too slow")
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedReader<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedReader<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(context, written, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.count(context, written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A request's body whose sender must go on.
#[derive(Debug)]
pub(crate) struct PacedBody<B> {
    body: B,
    pace: Pace,
}

impl<B> PacedBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, pace: Pace::new(LEAST_SENT, WINDOW) }
    }
}

impl<B: HttpBody<Data = Bytes, Error = axum::Error> + Unpin> HttpBody for PacedBody<B> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => {
                ready!(self.pace.poll_too_slow(context));
                Poll::Ready(Some(Err(axum::Error::new(too_slow()))))
            }
            frame => {
                // Until it is asked for more, nobody waits for the sender.
                self.pace.pause();
                if let Poll::Ready(Some(Ok(frame))) = &frame {
                    self.pace.moved(frame.data_ref().map_or(0, Bytes::len));
                }
                frame
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::{StreamExt, stream};
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    fn paced(stream: DuplexStream) -> PacedReader<DuplexStream> {
        PacedReader { stream, pace: Pace::new(1_000, SHORT) }
    }

    #[tokio::test]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(100);
        let error = paced(ours).write_all(&[0; 1_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_who_takes_a_little_is_given_up() {
        let (ours, mut theirs) = duplex(100);
        let reading = tokio::spawn(async move {
            loop {
                tokio::time::sleep(SHORT / 5).await;
                if theirs.read_exact(&mut [0; 10]).await.is_err() {
                    return;
                }
            }
        });
        let error = paced(ours).write_all(&[0; 50_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        reading.abort();
    }

    #[tokio::test]
    async fn a_reader_who_takes_what_comes_has_all_the_time() {
        let (ours, theirs) = duplex(100);
        let reading =
            tokio::spawn(
                async move { tokio::io::copy(&mut theirs.take(5_000), &mut tokio::io::sink()).await },
            );
        let mut ours = paced(ours);
        for _ in 0..5 {
            ours.write_all(&[0; 1_000]).await.unwrap();
            tokio::time::sleep(SHORT * 2).await;
        }
        assert_eq!(reading.await.unwrap().unwrap(), 5_000);
    }

    #[tokio::test]
    async fn a_sender_does_not_pay_for_whoever_reads_slowly() {
        let came = stream::iter(0..3).map(|_| Ok::<_, Error>(Bytes::from_static(&[0; 10])));
        let soon = stream::once(async {
            tokio::time::sleep(SHORT / 2).await;
            Ok(Bytes::from_static(&[0; 10]))
        });
        let body = Body::from_stream(came.chain(soon));
        let mut body = PacedBody { body, pace: Pace::new(1_000, SHORT) };
        for _ in 0..4 {
            assert!(body.frame().await.unwrap().is_ok());
            tokio::time::sleep(SHORT * 2).await;
        }
    }

    #[tokio::test]
    async fn a_body_that_stops_is_cut_after_what_came() {
        let came = stream::iter(0..20).map(|_| Ok::<_, Error>(Bytes::from_static(&[0; 300])));
        let body = Body::from_stream(came.chain(stream::pending()));
        let mut body = PacedBody { body, pace: Pace::new(1_000, SHORT) };
        for _ in 0..20 {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 300);
        }
        assert!(body.frame().await.unwrap().is_err());
    }
}
