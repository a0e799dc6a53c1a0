//! How many requests of one client are received at a time: before they are decoded, so before anything is known of them but whose they are.
//!
//! Invariants: a request has a place before a byte of its message is read, and gives it back as soon as its call begins, which is when it was
//! decoded; who finds none waits, and is slowed by its own transport. Where nobody has a certificate there is one client, which may have all there is.
//!
//! Not here: calls that stream what they send: each takes its messages as its share allows (`limits`). Specification: `specs/limits.md`.

use crate::access::Caller;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;
use zegel_verifier::hash::Hash;

/// Requests of one certificate that are received at a time: 64 MiB of messages, and their framing.
const RECEIVED_MAX: usize = 16;
/// Ends of the paths of calls that stream what they send.
const STREAMS: [&str; 2] = ["/AppendStream", "/PutBlob"];

/// A service behind places.
#[derive(Clone)]
pub(crate) struct Arrivals<S> {
    inner: S,
    places: Arc<Mutex<HashMap<Hash, Arc<Semaphore>>>>,
}

/// Held by a request until its call begins: dropped with what came beside its message.
#[derive(Clone)]
struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl<S> Arrivals<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, places: Arc::default() }
    }

    /// The places of the certificate that a request came with, if it is one that is received whole.
    fn of<B>(&self, request: &http::Request<B>) -> Option<Arc<Semaphore>> {
        let Caller(certificate) = request.extensions().get::<Caller>().copied().unwrap_or_default();
        let is_whole = !STREAMS.iter().any(|end| request.uri().path().ends_with(end));
        let certificate = certificate.filter(|_| is_whole)?;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Certificates come and go; those that receive nothing are forgotten.
        places.retain(|_, places| Arc::strong_count(places) > 1);
        let places = places.entry(certificate).or_insert_with(|| Arc::new(Semaphore::new(RECEIVED_MAX)));
        Some(Arc::clone(places))
    }
}

impl<S, B> Service<http::Request<B>> for Arrivals<S>
where
    S: Service<http::Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    B: Send + 'static,
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
        let places = self.of(&request);
        Box::pin(async move {
            // Never closed: who waits here gets there.
            if let Some(places) = places
                && let Ok(permit) = places.acquire_owned().await
            {
                request.extensions_mut().insert(Place { _permit: Arc::new(permit) });
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

    /// Hands out what it is called with, and answers at once.
    #[derive(Clone)]
    struct Called(mpsc::UnboundedSender<http::Request<()>>);

    impl Service<http::Request<()>> for Called {
        type Response = ();
        type Error = Infallible;
        type Future = BoxFuture<(), Infallible>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<()>) -> Self::Future {
            let _ = self.0.send(request);
            Box::pin(async { Ok(()) })
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
        let mut arrivals = Arrivals::new(Called(called));
        let mut taken = Vec::new();
        for _ in 0..RECEIVED_MAX {
            arrivals.call(request("/zegel.v1.Ledger/Append", Some(1))).await.expect("called");
            taken.push(calls.try_recv().expect("a call"));
        }
        let mut late = arrivals.call(request("/zegel.v1.Ledger/Append", Some(1)));
        assert!(poll_fn(|context| Poll::Ready(late.as_mut().poll(context).is_pending())).await);
        assert!(calls.try_recv().is_err(), "it waits before it is received");
        // Another client, one without a certificate, and a call whose messages come one by one.
        for (path, certificate) in [
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
}
