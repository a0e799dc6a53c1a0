//! The HTTP face of a witness: `POST /add-checkpoint`, `GET /<SHA-256 of the origin>/checkpoint` (c2sp.org/tlog-witness).
//!
//! HTTP/1.1, over TLS where files for it are given. What a caller may send and how long it may take is bounded. Nothing is
//! decided here.

use super::config::TlsFiles;
use super::desk::{Desk, Refused};
use super::{Tell, WitnessConfig, WitnessError};
use crate::disk;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use zegel_verifier::witness::{REQUEST_BYTES_MAX, SIZE_MEDIA_TYPE, WitnessRefusal};

/// Connections at a time; more wait at the door.
const CONNECTIONS_MAX: usize = 256;
/// How long a caller may take for the head or the body of a request, or for TLS.
const PATIENCE: Duration = Duration::from_secs(10);

type Answer = Response<Full<Bytes>>;

/// Serves until `shutdown` is done. `ready` is told the address and the key once requests are taken.
///
/// # Errors
/// [`WitnessError`].
pub async fn serve(
    config: &WitnessConfig,
    tell: Tell,
    ready: impl FnOnce(SocketAddr, &str),
    shutdown: impl Future<Output = ()>,
) -> Result<(), WitnessError> {
    let desk = Arc::new(Desk::open(config, Arc::clone(&tell))?);
    let tls = config.tls.as_ref().map(acceptor).transpose()?;
    let failed = |reason| WitnessError::Listen { address: config.listen, reason };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let mut following = JoinSet::new();
    for follower in desk.followers() {
        following.spawn(Arc::clone(follower).follow());
    }
    ready(listener.local_addr().map_err(failed)?, &desk.public().print());
    tokio::select! {
        () = accept(&listener, tls, &desk, &tell) => {}
        () = shutdown => {}
    }
    following.shutdown().await;
    desk.followers().iter().for_each(|follower| follower.save());
    Ok(())
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, WitnessError> {
    let bad = |path: &std::path::Path, reason: &dyn ToString| WitnessError::Tls {
        path: path.display().to_string(),
        reason: reason.to_string(),
    };
    let pem = disk::read(&files.certificate)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|reason| bad(&files.certificate, &reason))?;
    let key = PrivateKeyDer::from_pem_slice(&disk::read_private(&files.key)?);
    let key = key.map_err(|reason| bad(&files.key, &reason))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|reason| bad(&files.key, &reason))?;
    let config = config.with_no_client_auth().with_single_cert(chain, key);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|reason| bad(&files.certificate, &reason))?)))
}

async fn accept(listener: &TcpListener, tls: Option<TlsAcceptor>, desk: &Arc<Desk>, tell: &Tell) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(reason) => {
                tell(&format!("a connection could not be taken: {reason}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, desk) = (tls.clone(), Arc::clone(desk));
        connections.spawn(async move {
            converse(stream, tls, desk).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, tls: Option<TlsAcceptor>, desk: Arc<Desk>) {
    // A caller that goes away, or speaks no TLS, is its own affair.
    let _ = stream.set_nodelay(true);
    match tls {
        None => answer_all(stream, desk).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                answer_all(stream, desk).await;
            }
        }
    }
}

async fn answer_all<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, desk: Arc<Desk>) {
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(answer(&desk, request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    let http = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(true);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(desk: &Arc<Desk>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::POST, "/add-checkpoint") => add_checkpoint(desk, request).await,
        (_, "/add-checkpoint") => text(StatusCode::METHOD_NOT_ALLOWED, "POST is wanted\n"),
        (&Method::GET, path) => newest(desk, path).await,
        _ => text(StatusCode::NOT_FOUND, "nothing is here\n"),
    }
}

async fn add_checkpoint(desk: &Arc<Desk>, request: Request<Incoming>) -> Answer {
    let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect();
    let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, body).await else {
        return text(StatusCode::BAD_REQUEST, "the request did not come whole, or is too large\n");
    };
    match desk.add_checkpoint(&body.to_bytes()).await {
        Ok(line) => text(StatusCode::OK, &line),
        Err(Refused::Judged(WitnessRefusal::Conflict { latest, .. })) => {
            let mut answer = text(StatusCode::CONFLICT, &format!("{latest}\n"));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(SIZE_MEDIA_TYPE));
            answer
        }
        Err(refused) => {
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            text(status, &format!("{refused}\n"))
        }
    }
}

async fn newest(desk: &Arc<Desk>, path: &str) -> Answer {
    let name = path.strip_prefix('/').and_then(|path| path.strip_suffix("/checkpoint")).map(String::from);
    let Some(name) = name else { return text(StatusCode::NOT_FOUND, "nothing is here\n") };
    let desk = Arc::clone(desk);
    match tokio::task::spawn_blocking(move || desk.newest(&name)).await {
        Ok(Ok(Some(note))) => text(StatusCode::OK, &String::from_utf8_lossy(&note)),
        Ok(Ok(None)) => text(StatusCode::NOT_FOUND, "no checkpoint of such a log was cosigned\n"),
        _ => text(StatusCode::INTERNAL_SERVER_ERROR, "the state could not be read\n"),
    }
}

fn text(status: StatusCode, body: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
