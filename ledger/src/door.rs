//! The port of the service: TLS, who is in, and how many.
//!
//! Invariants:
//! - a place is taken after the handshake and given back with the connection, however it ends; who finds none is sent away
//!   at once, so a million idle connections cost as many as there are places, and who has no certificate holds none;
//! - of handshakes there are few at a time, and who comes when there is no room takes that of the oldest of the address that has
//!   the most: who says nothing is pushed out by who comes after him, and no address keeps another out;
//! - a certificate has only a part of the places, so no client keeps the others out;
//! - the names of the authorities are not sent in the handshake: they would tell who else is here.
//!
//! Not here: what a client may do (`access`), and how much of it (`limits`). Specification: `specs/limits.md`.

use crate::access::Caller;
use crate::config::LimitsConfig;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use zegel_verifier::hash::{Hash, sha256};

/// How long a client has for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes that are under way.
const HANDSHAKES_MAX: usize = 256;
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

/// Handshakes that are under way.
#[derive(Default)]
struct Handshakes(Mutex<UnderWay>);

#[derive(Default)]
struct UnderWay {
    /// In the order in which they began; whose turn is dropped is sent away.
    turns: BTreeMap<u64, (IpAddr, oneshot::Sender<Infallible>)>,
    next: u64,
}

/// The turn of a handshake.
struct Turn {
    number: u64,
    of: Arc<Handshakes>,
    is_over: oneshot::Receiver<Infallible>,
}

impl Handshakes {
    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, address: IpAddr) -> Turn {
        let address = network_of(address);
        let mut under_way = self.lock();
        if under_way.turns.len() >= HANDSHAKES_MAX
            && let Some(number) = under_way.oldest_of_most(address)
        {
            under_way.turns.remove(&number);
        }
        let (number, (turn, is_over)) = (under_way.next, oneshot::channel());
        under_way.next += 1;
        under_way.turns.insert(number, (address, turn));
        Turn { number, of: Arc::clone(self), is_over }
    }
}

impl UnderWay {
    /// The oldest of the address that has the most, counting the one that comes.
    fn oldest_of_most(&self, coming: IpAddr) -> Option<u64> {
        let mut counts = HashMap::from([(coming, 1)]);
        self.turns.values().for_each(|(address, _)| *counts.entry(*address).or_insert(0) += 1);
        let most = counts.values().max();
        self.turns.iter().find(|(_, (address, _))| counts.get(address) == most).map(|(number, _)| *number)
    }
}

impl Turn {
    /// What a handshake comes to, if it ends in time and before somebody else has its turn.
    async fn of<T>(mut self, handshake: impl Future<Output = io::Result<T>>) -> Option<T> {
        tokio::select! {
            _ = &mut self.is_over => None,
            done = tokio::time::timeout(HANDSHAKE, handshake) => done.ok()?.ok(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.of.lock().turns.remove(&self.number);
    }
}

/// Whose address it is: who has one of IPv6 has 2^64 of them.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
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
    let handshakes = Arc::new(Handshakes::default());
    loop {
        let accepted = tokio::select! {
            () = entered.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            // No file descriptors left, say: those that are connected must go first.
            Err(reason) => {
                tracing::warn!(%reason, "a client could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Whoever finds no place is sent away, not left waiting: he can ask elsewhere, or again.
        if places.all.available_permits() == 0 {
            continue;
        }
        let tls = acceptor.clone().map(|acceptor| (acceptor, handshakes.begin(address.ip())));
        let (places, entered) = (Arc::clone(&places), entered.clone());
        tokio::spawn(async move {
            if let Some(connection) = enter(stream, tls, &places).await {
                let _ = entered.send(Ok(connection)).await;
            }
        });
    }
}

async fn enter(stream: TcpStream, tls: Option<(TlsAcceptor, Turn)>, places: &Places) -> Option<Entered> {
    let place = || Arc::clone(&places.all).try_acquire_owned().ok();
    // Answers are small: waiting to fill a packet would only make them late.
    let _ = stream.set_nodelay(true);
    let Some((acceptor, turn)) = tls else {
        return Some(Entered { stream: Box::new(stream), caller: Caller(None), _places: (place()?, None) });
    };
    let stream = turn.of(acceptor.accept(stream)).await?;
    let place = place()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::sync::oneshot::error::TryRecvError;

    fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    fn goes_on(turn: &mut Turn) -> bool {
        turn.is_over.try_recv() == Err(TryRecvError::Empty)
    }

    #[test]
    fn who_comes_when_there_is_no_room_takes_that_of_the_oldest_of_the_address_that_has_the_most() {
        let handshakes = Arc::new(Handshakes::default());
        let mut small = handshakes.begin(address(1));
        let mut many: Vec<_> = (1..HANDSHAKES_MAX).map(|_| handshakes.begin(address(2))).collect();
        assert!(goes_on(&mut small) && many.iter_mut().all(goes_on), "there is room for all of them");
        // Another address, and the same one: both at the cost of the many, whose newest stay.
        let mut others = [handshakes.begin(address(3)), handshakes.begin(address(2))];
        assert!(!goes_on(&mut many[0]) && !goes_on(&mut many[1]) && many[2..].iter_mut().all(goes_on));
        assert!(goes_on(&mut small) && others.iter_mut().all(goes_on));
        // One that ended makes room, and one that was pushed out takes none away when it goes.
        drop(many.drain(..3));
        let mut more = handshakes.begin(address(4));
        assert!(goes_on(&mut more) && many.iter_mut().all(goes_on));
        assert_eq!(handshakes.lock().turns.len(), HANDSHAKES_MAX);
        drop((small, many, others, more));
        assert!(handshakes.lock().turns.is_empty(), "nobody who has gone is counted");
    }

    #[test]
    fn where_all_have_as_many_the_oldest_goes_and_a_network_of_ipv6_is_one_address() {
        let handshakes = Arc::new(Handshakes::default());
        let v6 =
            |network: u64, host: u64| IpAddr::V6(Ipv6Addr::from_bits((u128::from(network) << 64) | u128::from(host)));
        let mut turns: Vec<_> = (1..=HANDSHAKES_MAX as u64).map(|network| handshakes.begin(v6(network, 1))).collect();
        // The second of a network that has one already: its own goes.
        let mut second = handshakes.begin(v6(7, 2));
        assert!(!goes_on(&mut turns[6]) && goes_on(&mut turns[0]) && goes_on(&mut second));
        // One of a network that has none: the oldest of all goes.
        let mut fresh = handshakes.begin(v6(1_000, 1));
        assert!(!goes_on(&mut turns[0]) && goes_on(&mut turns[1]) && goes_on(&mut fresh));
        assert_eq!(network_of(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
}
