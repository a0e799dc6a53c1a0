//! How many requests of one client are received at a time: before they are decoded, so before anything is known of them but whose they are.
//!
//! Invariants:
//! - a request that is received whole has a place before a byte of its message is read, and gives it back when it was decoded; who finds none waits,
//!   and is slowed by its own transport;
//! - an append has a place of another kind, and gives it back when its bytes count as on their way (`limits`): appends that wait for their actor's
//!   share keep no other call waiting;
//! - a call that streams what it sends has a place of a third kind, as long as anything of it is here; who finds none is refused, since such a call
//!   has no end to wait for. A certificate has as many of these for each log that lists it, since it is an actor of each;
//! - where nobody has a certificate there is one client, which may have all there is.
//!
//! Not here: what a call may do once it is known whose actor makes it (`limits`). Specification: `specs/limits.md`.

use crate::access::{Caller, Clients};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;
use tonic::{Request, Status};
use zegel_verifier::hash::Hash;

/// Appends of one certificate that are received at a time, and other requests: 64 MiB of messages each, and their framing.
const RECEIVED_MAX: usize = 16;
/// End of the path of a call that waits for its actor's share once it was decoded.
const APPEND: &str = "/Append";
/// Ends of the paths of calls that stream what they send.
const STREAMS: [&str; 2] = ["/AppendStream", "/PutBlob"];

/// A service behind places.
#[derive(Clone)]
pub(crate) struct Arrivals<S> {
    inner: S,
    places: Arc<Mutex<HashMap<Hash, Places>>>,
    streams: Arc<Streams>,
}

/// How many calls of one certificate stream what they send.
#[derive(Debug)]
pub(crate) struct Streams {
    per_log: usize,
    /// Logs that list a certificate.
    logs: HashMap<Hash, usize>,
}

/// What one certificate has.
struct Places {
    whole: Arc<Semaphore>,
    appends: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    streams_max: usize,
}

/// Which of them a request wants.
enum Wanted {
    /// Or an append's.
    Whole(Arc<Semaphore>),
    /// Of so many.
    Stream(Arc<Semaphore>, usize),
}

/// Held by a request until what was sent with it is no longer here, or counts elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Takes the place out of a request, for who still holds its message when the request is gone.
pub(crate) fn place_of<T>(request: &mut Request<T>) -> Option<Place> {
    request.extensions_mut().remove()
}

impl Streams {
    /// So many for each log that lists a certificate.
    pub(crate) fn of<'a>(per_log: usize, logs: impl IntoIterator<Item = &'a Clients>) -> Self {
        let mut listed: HashMap<Hash, usize> = HashMap::new();
        for clients in logs {
            let Clients::Listed(actors) = clients else { continue };
            actors.keys().for_each(|certificate| *listed.entry(*certificate).or_default() += 1);
        }
        Self { per_log, logs: listed }
    }

    /// What a certificate has; one that is on no list as if it were on one.
    fn max(&self, certificate: Hash) -> usize {
        self.per_log.saturating_mul(self.logs.get(&certificate).copied().unwrap_or(1)).min(Semaphore::MAX_PERMITS)
    }
}

impl Places {
    fn new(streams_max: usize) -> Self {
        let of = |places| Arc::new(Semaphore::new(places));
        Self { whole: of(RECEIVED_MAX), appends: of(RECEIVED_MAX), streams: of(streams_max), streams_max }
    }

    fn is_wanted(&self) -> bool {
        [&self.whole, &self.appends, &self.streams].into_iter().any(|places| Arc::strong_count(places) > 1)
    }

    fn wanted(&self, path: &str) -> Wanted {
        if STREAMS.iter().any(|end| path.ends_with(end)) {
            Wanted::Stream(Arc::clone(&self.streams), self.streams_max)
        } else if path.ends_with(APPEND) {
            Wanted::Whole(Arc::clone(&self.appends))
        } else {
            Wanted::Whole(Arc::clone(&self.whole))
        }
    }
}

impl<S> Arrivals<S> {
    pub(crate) fn new(inner: S, streams: Streams) -> Self {
        Self { inner, places: Arc::default(), streams: Arc::new(streams) }
    }

    /// The places of the certificate that a request came with.
    fn of<B>(&self, request: &http::Request<B>) -> Option<Wanted> {
        let Caller(certificate) = request.extensions().get::<Caller>().copied().unwrap_or_default();
        let certificate = certificate?;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Certificates come and go; those that receive nothing are forgotten.
        places.retain(|_, places| places.is_wanted());
        let own = places.entry(certificate).or_insert_with(|| Places::new(self.streams.max(certificate)));
        Some(own.wanted(request.uri().path()))
    }
}

/// A place; `None` where nobody has a certificate.
async fn place(wanted: Option<Wanted>) -> Result<Option<Place>, Status> {
    let permit = match wanted {
        None => return Ok(None),
        // Never closed: who waits here gets there.
        Some(Wanted::Whole(places)) => places.acquire_owned().await.ok(),
        Some(Wanted::Stream(places, streams_max)) => {
            let full = || format!("{streams_max} streams of this certificate are under way: try again later");
            Some(places.try_acquire_owned().map_err(|_| Status::resource_exhausted(full()))?)
        }
    };
    Ok(permit.map(|permit| Place { _permit: Arc::new(permit) }))
}

impl<S, B, R> Service<http::Request<B>> for Arrivals<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // The one that was asked whether it is ready is the one that is called.
        let inner = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, inner);
        let wanted = self.of(&request);
        Box::pin(async move {
            match place(wanted).await {
                // Not a byte of its message was read.
                Err(refused) => return Ok(refused.into_http()),
                Ok(place) => drop(place.and_then(|place| request.extensions_mut().insert(place))),
            }
            inner.call(request).await
        })
    }
}

impl<S: NamedService> NamedService for Arrivals<S> {
    const NAME: &'static str = S::NAME;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::poll_fn;
    use tokio::sync::mpsc;

    const STREAMS_MAX: usize = 2;

    /// Certificates 1 and 2 are listed by a log, and 2 by another one as well.
    fn streams() -> Streams {
        let listed = |certificates: &[u8]| {
            let actor = |number: &u8| (Hash([*number; 32]), Hash([9; 32]));
            Clients::Listed(certificates.iter().map(actor).collect())
        };
        Streams::of(STREAMS_MAX, &[listed(&[1, 2]), listed(&[2]), Clients::Everyone])
    }

    /// Hands out what it is called with, and answers at once.
    #[derive(Clone)]
    struct Called(mpsc::UnboundedSender<http::Request<()>>);

    impl Service<http::Request<()>> for Called {
        type Response = http::Response<()>;
        type Error = Infallible;
        type Future = BoxFuture<http::Response<()>, Infallible>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<()>) -> Self::Future {
            let _ = self.0.send(request);
            Box::pin(async { Ok(http::Response::new(())) })
        }
    }

    fn request(path: &str, certificate: Option<u8>) -> http::Request<()> {
        let mut request = http::Request::builder().uri(path).body(()).expect("a request");
        request.extensions_mut().insert(Caller(certificate.map(|number| Hash([number; 32]))));
        request
    }

    #[tokio::test]
    async fn a_client_that_has_all_its_places_waits_for_one_and_keeps_no_other_out() {
        let (called, mut calls) = mpsc::unbounded_channel();
        let mut arrivals = Arrivals::new(Called(called), streams());
        let mut taken = Vec::new();
        for _ in 0..RECEIVED_MAX {
            arrivals.call(request("/zegel.v1.Ledger/Append", Some(1))).await.expect("called");
            taken.push(calls.try_recv().expect("a call"));
        }
        let mut late = arrivals.call(request("/zegel.v1.Ledger/Append", Some(1)));
        assert!(poll_fn(|context| Poll::Ready(late.as_mut().poll(context).is_pending())).await);
        assert!(calls.try_recv().is_err(), "it waits before it is received");
        // Another client, one without a certificate, a call whose messages come one by one, and one that waits for nobody's share.
        for (path, certificate) in [
            ("/zegel.v1.Ledger/GetSourceHead", Some(1)),
            ("/zegel.v1.Ledger/Append", Some(2)),
            ("/zegel.v1.Ledger/Append", None),
            ("/zegel.v1.Ledger/AppendStream", Some(1)),
            ("/zegel.v1.Ledger/PutBlob", Some(1)),
        ] {
            arrivals.call(request(path, certificate)).await.expect("called");
            calls.try_recv().unwrap_or_else(|_| panic!("{path} waits"));
        }
        // Decoded: what came beside the message goes, and its place with it.
        drop(taken.pop());
        late.await.expect("called");
        calls.try_recv().expect("a call");
        // Nobody who has gone is remembered.
        taken.clear();
        arrivals.call(request("/zegel.v1.Ledger/Append", Some(3))).await.expect("called");
        let known: Vec<Hash> = arrivals.places.lock().expect("places").keys().copied().collect();
        assert_eq!(known, [Hash([3; 32])]);
    }

    #[tokio::test]
    async fn a_client_that_has_all_its_streams_is_refused_another_before_it_is_received() {
        let (called, mut calls) = mpsc::unbounded_channel();
        let mut arrivals = Arrivals::new(Called(called), streams());
        let mut code = async |path: &str, certificate| {
            let answer = arrivals.call(request(path, certificate)).await.expect("an answer");
            answer.headers().get("grpc-status").map(|code| code.to_str().expect("a number").to_owned())
        };
        // Both kinds of stream share the places.
        for path in ["/zegel.v1.Ledger/AppendStream", "/zegel.v1.Ledger/PutBlob"] {
            assert_eq!(code(path, Some(1)).await, None);
        }
        let mut taken: Vec<_> = std::iter::from_fn(|| calls.try_recv().ok()).collect();
        assert_eq!(taken.len(), STREAMS_MAX);
        let exhausted = Some((tonic::Code::ResourceExhausted as i32).to_string());
        for path in ["/zegel.v1.Ledger/AppendStream", "/zegel.v1.Ledger/PutBlob"] {
            assert_eq!(code(path, Some(1)).await, exhausted, "{path}");
            assert!(calls.try_recv().is_err(), "{path} is not received");
            for other in [Some(2), None] {
                assert_eq!(code(path, other).await, None, "{path}");
                calls.try_recv().expect("another's is received");
            }
        }
        assert_eq!(
            code("/zegel.v1.Ledger/Append", Some(1)).await,
            None,
            "what is received whole has places of its own"
        );
        // Who is an actor of two logs has as many for each; who is on no list is as one of one log.
        for (certificate, wanted) in [(2, 2 * STREAMS_MAX), (3, STREAMS_MAX)] {
            let mut held = Vec::new();
            while code("/zegel.v1.Ledger/PutBlob", Some(certificate)).await.is_none() {
                held.push(calls.try_recv().expect("a call"));
            }
            assert_eq!(held.len(), wanted, "certificate {certificate}");
        }
        // A stream holds its place beyond its request, wherever something of it is left.
        let mut ending = Request::from_http(taken.pop().expect("a call"));
        let held = place_of(&mut ending).expect("a place");
        drop(ending);
        assert_eq!(code("/zegel.v1.Ledger/PutBlob", Some(1)).await, exhausted);
        drop(held);
        assert_eq!(code("/zegel.v1.Ledger/PutBlob", Some(1)).await, None);
    }
}
