//! The HTTP face of the desk: HTTP/1.1 on the loopback interface, one token, one cookie, one page.

use super::{DeskError, Work, words};
use crate::entropy::random_id;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// Bytes of a request's body.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Nothing from elsewhere, nothing in frames, no markup that runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and what it is made of: path, media type, text.
const PAGE: &[(&str, &str, &str)] = &[
    ("/", "text/html", include_str!("page.html")),
    // A browser asks for it unasked.
    ("/favicon.ico", "image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
    ("/page.css", "text/css", include_str!("page.css")),
    ("/texts.js", "text/javascript", include_str!("texts.js")),
    ("/page.js", "text/javascript", include_str!("page.js")),
    ("/approve.js", "text/javascript", include_str!("approve.js")),
    ("/cases.js", "text/javascript", include_str!("cases.js")),
    ("/ends.js", "text/javascript", include_str!("ends.js")),
    ("/devices.js", "text/javascript", include_str!("devices.js")),
    ("/start.js", "text/javascript", include_str!("start.js")),
];

type Answer = Response<Full<Bytes>>;

struct Desk {
    work: Mutex<Work>,
    address: SocketAddr,
    token: String,
    is_used: AtomicBool,
    session: String,
}

/// Serves the desk until `shutdown` is done. `ready` is told the address to open, with the token in it.
///
/// # Errors
/// [`DeskError::NotLoopback`] for an address that others can reach, [`DeskError::Listen`].
pub async fn serve(
    listen: SocketAddr,
    work: Work,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> Result<(), DeskError> {
    if !listen.ip().is_loopback() {
        return Err(DeskError::NotLoopback { address: listen });
    }
    let failed = |reason| DeskError::Listen { address: listen, reason };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (token, session) = (random_id()?.to_string(), random_id()?.to_string());
    let desk = Desk { work: Mutex::new(work), address, token, is_used: AtomicBool::new(false), session };
    ready(&format!("http://{address}/?token={}", desk.token));
    tokio::select! {
        () = accept(listener, Arc::new(desk)) => {}
        () = shutdown => {}
    }
    Ok(())
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, Infallible>(desk.answer(request).await) }
            });
            // A browser that goes away is its own affair.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A page of another site can make a browser ask us under another name: it gets nothing.
        if header(HOST) != self.address.to_string() {
            return text(StatusCode::FORBIDDEN, "text/plain", "this desk has another address");
        }
        let path = request.uri().path().to_owned();
        if let Some(token) = request.uri().query().and_then(|query| query.strip_prefix("token=")) {
            return self.enter(token);
        }
        let has_session = header(COOKIE).split("; ").any(|cookie| cookie == format!("zegel={}", self.session));
        if !has_session {
            let reason =
                "Deze werkplek is met een eenmalige code geopend. Start zegel desk opnieuw. / Start zegel desk again.";
            return text(StatusCode::FORBIDDEN, "text/plain", reason);
        }
        match (request.method(), path.as_str()) {
            (&Method::GET, path) => match PAGE.iter().find(|(known, ..)| *known == path) {
                Some((_, media_type, body)) => text(StatusCode::OK, media_type, body),
                None => text(StatusCode::NOT_FOUND, "text/plain", "nothing is here"),
            },
            (&Method::POST, path) if path.starts_with("/api/") => {
                if header(ORIGIN) != format!("http://{}", self.address) {
                    return text(StatusCode::FORBIDDEN, "text/plain", "asked from another page");
                }
                self.act(path.trim_start_matches("/api/").to_owned(), request).await
            }
            _ => text(StatusCode::NOT_FOUND, "text/plain", "nothing is here"),
        }
    }

    /// The token opens the door once; after that only the cookie does.
    fn enter(&self, token: &str) -> Answer {
        if token != self.token || self.is_used.swap(true, Ordering::SeqCst) {
            let reason = "Deze code is al gebruikt. Start zegel desk opnieuw. / This code was used already. Start zegel desk again.";
            return text(StatusCode::FORBIDDEN, "text/plain", reason);
        }
        let mut answer = text(StatusCode::SEE_OTHER, "text/plain", "");
        let cookie = format!("zegel={}; HttpOnly; SameSite=Strict; Path=/", self.session);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
        answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
        answer
    }

    async fn act(&self, name: String, request: Request<Incoming>) -> Answer {
        let Ok(body) = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect().await else {
            return text(StatusCode::BAD_REQUEST, "text/plain", "the request is too large");
        };
        let Ok(asked) = serde_json::from_slice(&body.to_bytes()) else {
            return text(StatusCode::BAD_REQUEST, "text/plain", "the request is no JSON");
        };
        match self.work.lock().await.act(&name, &asked).await {
            Ok(done) => text(StatusCode::OK, "application/json", &done.to_string()),
            Err(reason) => {
                text(StatusCode::UNPROCESSABLE_ENTITY, "application/json", &words::refusal(&reason).to_string())
            }
        }
    }
}

fn text(status: StatusCode, media_type: &'static str, body: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    if let Ok(media_type) = HeaderValue::from_str(&format!("{media_type}; charset=utf-8")) {
        headers.insert(CONTENT_TYPE, media_type);
    }
    headers.insert("content-security-policy", HeaderValue::from_static(POLICY));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    answer
}
