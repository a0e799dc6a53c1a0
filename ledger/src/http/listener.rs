//! An address of the read API: connections, their limits and their times.

use super::{AccessError, Site, access, answer};
use crate::config::TlsConfig;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Connections of one address. More wait in the kernel's queue, and then outside.
const CONNECTIONS_MAX: usize = 256;
/// Bytes of a request that are held: its line and headers. A path of ours has at most 400.
const REQUEST_BYTES_MAX: usize = 16 << 10;
/// How long a client has for its TLS handshake, and for the headers of each request; idle connections end with it.
const HEADERS: Duration = Duration::from_secs(10);
/// How long one connection lives, whatever it does: a reader that takes a byte a minute gives up its place.
const CONNECTION: Duration = Duration::from_secs(600);
/// How long an answer may go on when a connection or the ledger is to end.
const DRAIN: Duration = Duration::from_secs(5);

/// A bound address with its logs, which does not answer yet.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    sites: Vec<Arc<Site>>,
}

impl Listener {
    /// Takes an address that was bound.
    pub(crate) fn new(
        listener: TcpListener,
        address: SocketAddr,
        tls: Option<&TlsConfig>,
        sites: Vec<Arc<Site>>,
    ) -> Result<Self, AccessError> {
        let acceptor = tls.map(|tls| access::acceptor(tls, &sites)).transpose()?;
        Ok(Self { listener, address, acceptor, sites })
    }

    /// Where each of its logs is read.
    pub(crate) fn urls(&self) -> impl Iterator<Item = (&str, String)> {
        let scheme = if self.acceptor.is_some() { "https" } else { "http" };
        let url = move |prefix: &str| format!("{scheme}://{}{prefix}/", self.address);
        self.sites.iter().map(move |site| (site.log.origin(), url(&site.prefix)))
    }
}

/// Serves these addresses until `stopping` says so, or nobody can say it any more; then lets answers end.
pub(crate) async fn serve(listeners: Vec<Listener>, stopping: watch::Receiver<bool>) {
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(accept(listener, stopping.clone()));
    }
    while serving.join_next().await.is_some() {}
}

/// Done when the ledger is to end.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // Whoever could say so is gone: that is the same.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn accept(listener: Listener, stopping: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((listener.listener.accept().await, place))
        };
        let accepted = tokio::select! {
            () = stopped(stopping.clone()) => break,
            accepted = next => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Some((Ok((stream, _)), place)) => {
                let connection = connect(stream, listener.acceptor.clone(), listener.sites.clone(), place);
                connections.spawn(until(connection, stopping.clone()));
            }
            // No file descriptors left, say: those that are connected must go first.
            Some((Err(reason), _)) => {
                tracing::warn!(%reason, "a reader could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            None => break,
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, ended).await;
}

/// A connection that is told when the ledger is to end.
async fn until(connection: impl Future<Output = Option<Connection>>, stopping: watch::Receiver<bool>) {
    let connected = tokio::select! {
        () = stopped(stopping.clone()) => return,
        connected = connection => connected,
    };
    let Some(Connection { stream, sites, _place }) = connected else { return };
    let service = service_fn(move |request| {
        let sites = sites.clone();
        async move { Ok::<_, Infallible>(answer::answer(&sites, &request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(REQUEST_BYTES_MAX);
    let mut served = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // What a client does wrong ends its connection and is nobody else's business.
        _ = served.as_mut() => return,
        () = stopped(stopping) => {}
        () = tokio::time::sleep(CONNECTION) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(DRAIN, served).await;
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A client that was let in, with the logs that it may read.
struct Connection {
    stream: Box<dyn Stream>,
    sites: Vec<Arc<Site>>,
    _place: OwnedSemaphorePermit,
}

async fn connect(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    sites: Vec<Arc<Site>>,
    place: OwnedSemaphorePermit,
) -> Option<Connection> {
    // Answers are small: waiting to fill a packet would only make them late.
    let _ = stream.set_nodelay(true);
    let (stream, chain): (Box<dyn Stream>, _) = match acceptor {
        None => (Box::new(stream), Vec::new()),
        Some(acceptor) => {
            let stream = tokio::time::timeout(HEADERS, acceptor.accept(stream)).await.ok()?.ok()?;
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
            (Box::new(stream), chain)
        }
    };
    let sites = sites.into_iter().filter(|site| site.access.admits(&chain)).collect();
    Some(Connection { stream, sites, _place: place })
}
