//! What a request is answered with: status, headers, bytes.

use super::resource::Resource;
use super::{Access, Site};
use crate::sequencer::{OpenLog, View};
use crate::store::StoreError;
use crate::tree::Tiles;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Entries that are read at a time: at most 1 MiB of them waits for a slow reader.
const CHUNK_ENTRIES: usize = 16;
/// How long a checkpoint may be kept.
const CHECKPOINT_CACHE: &str = "max-age=1";
/// How long a tile may be kept: a year, which is how the specification of HTTP caching spells "for ever".
const TILE_CACHE: &str = "max-age=31536000, immutable";

/// What is sent, or why it breaks off.
pub(super) type Body = UnsyncBoxBody<Bytes, StoreError>;

/// Answers a request of a client who may read these logs.
pub(super) async fn answer<B>(sites: &[Arc<Site>], request: &Request<B>) -> Response<Body> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = status(StatusCode::METHOD_NOT_ALLOWED);
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let path = Some(request.uri().path()).filter(|_| request.uri().query().is_none());
    let wanted = path.and_then(|path| sites.iter().find_map(|site| find(site, path)));
    let Some((site, resource)) = wanted else { return status(StatusCode::NOT_FOUND) };
    match content(&site.log, resource).await {
        Ok(Some(body)) => good(site, resource, body),
        Ok(None) => status(StatusCode::NOT_FOUND),
        Err(reason) => {
            tracing::error!(origin = site.log.origin(), %reason, ?resource, "a tile cannot be read");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn find<'a>(site: &'a Arc<Site>, path: &str) -> Option<(&'a Arc<Site>, Resource)> {
    Some((site, Resource::parse(path.strip_prefix(&site.prefix)?)?))
}

fn status(status: StatusCode) -> Response<Body> {
    // A tile that is not there today is there tomorrow.
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn good(site: &Site, resource: Resource, body: Body) -> Response<Body> {
    let (kind, cache) = match resource {
        Resource::Checkpoint => ("text/plain; charset=utf-8", CHECKPOINT_CACHE),
        Resource::Tile { .. } | Resource::Entries { .. } => ("application/octet-stream", TILE_CACHE),
    };
    let who = if matches!(site.access, Access::Open) { "public" } else { "private" };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(cache) = HeaderValue::try_from(format!("{who}, {cache}")) {
        headers.insert(CACHE_CONTROL, cache);
    }
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// What the newest published checkpoint has of it; nothing if that has less.
async fn content(log: &Arc<OpenLog>, resource: Resource) -> Result<Option<Body>, StoreError> {
    let view = log.view();
    if resource == Resource::Checkpoint {
        let checkpoint = Bytes::from(view.checkpoint.clone());
        return Ok(Some(checkpoint).filter(|note| !note.is_empty()).map(whole));
    }
    let Some(range) = resource.range(view.size) else { return Ok(None) };
    match resource {
        Resource::Checkpoint => Ok(None),
        Resource::Tile { level, index, width } => {
            let log = Arc::clone(log);
            let read = move || tile(&log, &view, level, index, width);
            Ok(Some(whole(blocking(read).await?)))
        }
        Resource::Entries { .. } => Ok(Some(entries(Arc::clone(log), range))),
    }
}

fn tile(log: &Arc<OpenLog>, view: &View, level: u32, index: u64, width: u32) -> Result<Bytes, StoreError> {
    let tile = log.tree(view).tile(level, index)?;
    let hashes = tile.hashes().get(..width as usize);
    let hashes = hashes.ok_or(StoreError::Missing { what: "hashes of a tile", number: index })?;
    Ok(hashes.iter().flat_map(|hash| hash.0).collect())
}

/// Each entry behind its length. A slow reader holds one chunk and no thread.
fn entries(log: Arc<OpenLog>, mut range: Range<u64>) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while !range.is_empty() {
            let part: Vec<u64> = range.by_ref().take(CHUNK_ENTRIES).collect();
            let log = Arc::clone(&log);
            let chunk = blocking(move || chunk(&log, &part)).await;
            let is_last = chunk.is_err();
            if let Err(reason) = &chunk {
                tracing::error!(%reason, "an entry bundle cannot be read");
            }
            if sender.send(chunk.map(Frame::data)).await.is_err() || is_last {
                return;
            }
        }
    });
    StreamBody::new(ReceiverStream::new(receiver)).boxed_unsync()
}

fn chunk(log: &OpenLog, indexes: &[u64]) -> Result<Bytes, StoreError> {
    let mut bytes = Vec::new();
    for &index in indexes {
        let entry = log.store().entry(index)?;
        let length = u16::try_from(entry.len()).map_err(|_| StoreError::Row { what: "an entry" })?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes.into())
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = |reason| StoreError::failed("reading for a client", reason);
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|reason| Err(ended(reason)))
}
