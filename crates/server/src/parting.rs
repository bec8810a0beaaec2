//! The end of a connection whose client still sends.
//!
//! A socket that is closed while bytes wait to be read is reset, and the client may lose the last answer with it: why its
//! request was refused, or the code of a WebSocket's Close. So a little more is read first.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Bytes that are read of a client that goes on sending.
const READ_ON: u64 = 1 << 20;
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection that is not reset when it is dropped, but for a client that sends more than [`READ_ON`].
#[derive(Debug)]
pub(crate) struct Parting(Option<TcpStream>);

impl Parting {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(Some(stream))
    }

    fn stream(self: Pin<&mut Self>) -> Result<Pin<&mut TcpStream>> {
        self.get_mut().0.as_mut().map(Pin::new).ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        let Some(stream) = self.0.take() else { return };
        let waits = stream.try_read(&mut [0]).is_ok_and(|count| count > 0);
        if waits && let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(PATIENCE, read_on(stream)));
        }
    }
}

/// Says that nothing more comes from here, and reads what the client had on its way.
async fn read_on(mut stream: TcpStream) -> Result<()> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(READ_ON), &mut tokio::io::sink()).await?;
    Ok(())
}

impl AsyncRead for Parting {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Parting {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}
