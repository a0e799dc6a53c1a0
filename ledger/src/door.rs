//! The port of the service: TLS, who is in, and how many.
//!
//! Invariants:
//! - a place is taken before the handshake and given back with the connection, however it ends; who finds none is sent away
//!   at once, so a million idle connections cost as many as there are places;
//! - a certificate has only a part of the places, so no client keeps the others out;
//! - the names of the authorities are not sent in the handshake: they would tell who else is here.
//!
//! Not here: what a client may do (`access`), and how much of it (`limits`). Specification: `specs/limits.md`.

use crate::access::Caller;
use crate::config::LimitsConfig;
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use zegel_verifier::hash::{Hash, sha256};

/// How long a client has for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that are open and not yet served.
const OPENED_MAX: usize = 64;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that was let in.
pub(crate) struct Entered {
    stream: Box<dyn Stream>,
    caller: Caller,
    _places: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

/// Places, in all and for each certificate.
struct Places {
    all: Arc<Semaphore>,
    each: usize,
    of: Mutex<HashMap<Hash, Arc<Semaphore>>>,
}

impl Places {
    fn of(&self, certificate: Hash) -> Option<OwnedSemaphorePermit> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        // Certificates come and go; those that hold no place are forgotten.
        of.retain(|_, places| places.available_permits() < self.each);
        let places = of.entry(certificate).or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        Arc::clone(places).try_acquire_owned().ok()
    }
}

/// The connections of a port, as they are let in. Ends with its reader.
pub(crate) fn open(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    limits: &LimitsConfig,
) -> ReceiverStream<io::Result<Entered>> {
    let places = Arc::new(Places {
        all: Arc::new(Semaphore::new(limits.connections)),
        each: limits.connections_per_client,
        of: Mutex::default(),
    });
    let (entered, stream) = mpsc::channel(OPENED_MAX);
    tokio::spawn(accept(listener, acceptor, places, entered));
    ReceiverStream::new(stream)
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    places: Arc<Places>,
    entered: mpsc::Sender<io::Result<Entered>>,
) {
    loop {
        let accepted = tokio::select! {
            () = entered.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // No file descriptors left, say: those that are connected must go first.
            Err(reason) => {
                tracing::warn!(%reason, "a client could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Whoever finds no place is sent away, not left waiting: he can ask elsewhere, or again.
        let Ok(place) = Arc::clone(&places.all).try_acquire_owned() else { continue };
        let (acceptor, places, entered) = (acceptor.clone(), Arc::clone(&places), entered.clone());
        tokio::spawn(async move {
            if let Some(connection) = enter(stream, acceptor, place, &places).await {
                let _ = entered.send(Ok(connection)).await;
            }
        });
    }
}

async fn enter(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    place: OwnedSemaphorePermit,
    places: &Places,
) -> Option<Entered> {
    // Answers are small: waiting to fill a packet would only make them late.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return Some(Entered { stream: Box::new(stream), caller: Caller(None), _places: (place, None) });
    };
    let stream = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await.ok()?.ok()?;
    let own = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = own.map(|own| sha256(&[own.as_ref()]));
    let own_place = match certificate {
        Some(certificate) => Some(places.of(certificate)?),
        None => None,
    };
    Some(Entered { stream: Box::new(stream), caller: Caller(certificate), _places: (place, own_place) })
}

impl Connected for Entered {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller
    }
}

impl AsyncRead for Entered {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Entered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
