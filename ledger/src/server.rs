//! A ledger process: opens its logs, listens, drains.

mod rounds;

use crate::access::Clients;
use crate::arrivals::{Arrivals, Streams};
use crate::config::{Config, ConfigError, LimitsConfig, LogConfig, TlsConfig};
use crate::door;
use crate::follow::{self, FollowError, Follower};
use crate::http::{self, Access, AccessError, Site};
use crate::landing;
use crate::log::Identity;
use crate::metrics::{self, LogMetrics, Metrics};
use crate::scrub;
use crate::sequencer::{self, OpenLog};
use crate::service::{Served, Service};
use crate::signing::LogSigners;
use crate::store::{Allegiance, Faults, Guard, NoFaults, Room, Store, StoreError};
use crate::witnessing::Witnessing;
use rounds::{start_rounds, start_scrubs, tell_of_replication};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::transport::Server as GrpcServer;
use zegel_proto::limits::APPEND_BYTES_MAX;
use zegel_proto::v1::ledger_server::LedgerServer;

/// Bytes of a message that is decoded: an append and its framing.
const MESSAGE_BYTES_MAX: usize = APPEND_BYTES_MAX + (64 << 10);
/// Streams that one connection may have open.
const STREAMS_MAX: u32 = 256;
/// How often a client is asked whether it is there, and how long it has to say so.
const ALIVE: Duration = Duration::from_secs(30);
/// How long calls may go on after a shutdown was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Why a ledger does not start, or ends.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A store or its guard.
    #[error("log {origin}: {reason}")]
    Store {
        /// Which log.
        origin: String,
        /// Why.
        reason: StoreError,
    },
    /// A store that follows, or does not any more.
    #[error("log {origin}: {reason}")]
    Follow {
        /// Which log.
        origin: String,
        /// Why.
        reason: FollowError,
    },
    /// The address.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
    /// Who may read the tiles.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A thread.
    #[error("cannot start the writer of a log: {0}")]
    Thread(std::io::Error),
    /// TLS or HTTP/2.
    #[error("transport: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// A ledger that has opened its logs and its port, and does not answer yet.
pub struct Server {
    tls: Option<TlsAcceptor>,
    limits: LimitsConfig,
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<((TcpListener, SocketAddr), Arc<Metrics>)>,
    tiles: Vec<http::Listener>,
    logs: Vec<Arc<OpenLog>>,
    writers: Vec<JoinHandle<()>>,
    followers: Vec<Follower>,
    /// Who may make calls on each of them.
    clients: Vec<Clients>,
    /// By origin, of the logs that have witnesses.
    witnessing: HashMap<String, Arc<Witnessing>>,
    /// How each of them is configured, for its scrub.
    configs: Vec<LogConfig>,
}

/// Opens and serves until `shutdown` is done; then drains.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
    Server::bind(config).await?.run(shutdown).await
}

/// Opens the store of a log without serving it.
pub(crate) fn open_store(config: &LogConfig, faults: Arc<dyn Faults>) -> Result<Arc<Store>, ServeError> {
    let failed = |reason| ServeError::Store { origin: config.origin.clone(), reason };
    Store::open(&config.store, &config.origin, faults).map(Arc::new).map_err(failed)
}

/// What the configuration fixes of a log.
pub(crate) fn identity_of(config: &LogConfig) -> Result<Identity, ConfigError> {
    let log_keys = match &config.follow {
        Some(_) => None,
        None => Some(LogSigners::open(config)?.log_keys()),
    };
    Ok(Identity { origin: config.origin.clone(), root_key: config.root_key()?, log_keys })
}

/// Who writes a log that was opened.
enum Writes {
    Sequencer(JoinHandle<()>),
    Follower(Box<Follower>),
}

fn open_log(
    config: &LogConfig,
    faults: Arc<dyn Faults>,
    metrics: &Arc<Metrics>,
) -> Result<(Arc<OpenLog>, Writes), ServeError> {
    let failed = |reason| ServeError::Store { origin: config.origin.clone(), reason };
    let metrics = metrics.of(&config.origin);
    let (log, writes) = match &config.follow {
        Some(of) => {
            let (log, follower) = follow::open(config, of, faults, metrics)?;
            (log, Writes::Follower(Box::new(follower)))
        }
        None => {
            let (log, thread) = open_primary(config, faults, metrics)?;
            (log, Writes::Sequencer(thread))
        }
    };
    let newest = log.store().newest_snapshot_ms().map_err(failed)?;
    newest.into_iter().for_each(|at_ms| log.metrics().snapshot_logged(at_ms));
    Ok((log, writes))
}

fn open_primary(
    config: &LogConfig,
    faults: Arc<dyn Faults>,
    metrics: LogMetrics,
) -> Result<(Arc<OpenLog>, JoinHandle<()>), ServeError> {
    let failed = |reason| ServeError::Store { origin: config.origin.clone(), reason };
    let keys = LogSigners::open(config)?;
    let identity = identity_of(config)?;
    let mut guard = Guard::new(&config.guard, &config.origin).hold().map_err(failed)?;
    let store = open_store(config, faults)?;
    if let Allegiance::Follows(primary) = store.allegiance().map_err(failed)? {
        let (origin, reason) = (config.origin.clone(), FollowError::StillFollows { primary });
        return Err(ServeError::Follow { origin, reason });
    }
    let loaded = store.load(identity, &mut guard).map_err(failed)?;
    tracing::info!(origin = config.origin, size = loaded.log.size(), "log opened");
    tell_of_erasures(&config.origin, &store).map_err(failed)?;
    let room = Room::new(&config.store, &config.guard, config.reserve_mib);
    let opened = sequencer::start(store, loaded, guard, room, keys, metrics).map_err(ServeError::Thread)?;
    scrub::standing(&config.store).into_iter().for_each(|found| opened.0.stop(found));
    Ok(opened)
}

/// Says which orders to erase were believed here and broken off. Whoever hands one over again ends it; a follower does so itself.
fn tell_of_erasures(origin: &str, store: &Store) -> Result<(), StoreError> {
    for order in store.broken_off()? {
        tracing::warn!(
            origin,
            "an erasure was broken off: hand the order with SHA-256 {order} over again, and it goes on where it stopped"
        );
    }
    Ok(())
}

impl Server {
    /// Opens all logs and the port.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(config: Config) -> Result<Self, ServeError> {
        Self::bind_with(config, Arc::new(NoFaults)).await
    }

    /// As [`Server::bind`], with faults for tests.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind_with(config: Config, faults: Arc<dyn Faults>) -> Result<Self, ServeError> {
        let tls = config.tls.as_ref().map(tls_of).transpose()?;
        let limits = config.limits.clone();
        let measured = Arc::new(Metrics::new());
        let open = |log| open_log(log, Arc::clone(&faults), &measured);
        let opened = config.logs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let (mut logs, mut writers, mut followers) = (Vec::new(), Vec::new(), Vec::new());
        for (log, writes) in opened {
            logs.push(log);
            match writes {
                Writes::Sequencer(thread) => writers.push(thread),
                Writes::Follower(follower) => followers.push(*follower),
            }
        }
        let clients = config.logs.iter().map(clients_of).collect::<Result<_, _>>()?;
        let witnessing = witnessing_of(&config, &logs)?;
        let tiles = bind_tiles(&config, &logs).await?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = match config.metrics {
            Some(address) => Some((listen(address).await?, measured)),
            None => None,
        };
        let configs = config.logs;
        Ok(Self {
            tls,
            limits,
            listener,
            address,
            metrics,
            tiles,
            logs,
            writers,
            followers,
            clients,
            witnessing,
            configs,
        })
    }

    /// Where the metrics are, if the configuration wants them.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|((_, bound), _)| *bound)
    }

    /// Where the logs that have a read API are read: origin and URL, to which `checkpoint` or `tile/…` is added.
    #[must_use]
    pub fn tiles(&self) -> Vec<(String, String)> {
        let urls = self.tiles.iter().flat_map(http::Listener::urls);
        urls.map(|(origin, url)| (origin.to_owned(), url)).collect()
    }

    /// Where it listens: the port that the system chose, if it was 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is done, then lets calls end for some seconds, and closes the stores.
    ///
    /// # Errors
    /// [`ServeError::Transport`].
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let Self { tls, limits, listener, metrics, tiles, logs, mut writers, .. } = self;
        let (followers, clients, witnessing, configs) = (self.followers, self.clients, self.witnessing, self.configs);
        let metrics = metrics.map(|((listener, _), of)| tokio::spawn(metrics::serve(listener, of, logs.clone())));
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<LedgerServer<Service>>().await;
        let mut rounds = JoinSet::new();
        let scrubs = start_scrubs(&configs, &logs, &health).await.map_err(ServeError::Thread)?;
        start_rounds(&mut rounds, &logs, configs, &witnessing);
        rounds.spawn(landing::tell(health.clone(), logs.iter().map(Arc::downgrade).collect()));
        let streams = Streams::of(limits.streams_per_client, &clients);
        let served = logs.into_iter().zip(clients).map(|(log, clients)| Served { log, clients });
        let ledger = LedgerServer::new(Service::new(served, witnessing, limits.clone()))
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let ledger = Arrivals::new(ledger, streams);
        let server = GrpcServer::builder().max_concurrent_streams(Some(STREAMS_MAX));
        // Whoever does not answer any more gives up its place.
        let mut server = server.http2_keepalive_interval(Some(ALIVE)).http2_keepalive_timeout(Some(ALIVE));
        let incoming = door::open(listener, tls, &limits);
        let router = server.add_service(health_service).add_service(ledger);
        let (asked, mut drained) = watch::channel(false);
        let mut replication = Vec::new();
        for follower in followers {
            let (tell, told) = watch::channel(false);
            writers.push(follower.start(drained.clone(), tell).map_err(ServeError::Thread)?);
            replication.push(told);
        }
        if !replication.is_empty() {
            rounds.spawn(tell_of_replication(health.clone(), replication));
        }
        let tiles = tokio::spawn(http::serve(tiles, drained.clone()));
        let signal = async move {
            shutdown.await;
            health.set_not_serving::<LedgerServer<Service>>().await;
            tracing::info!("draining");
            let _ = asked.send(true);
        };
        let overdue = async move {
            if drained.wait_for(|asked| *asked).await.is_ok() {
                tokio::time::sleep(DRAIN).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let served = tokio::select! {
            served = router.serve_with_incoming_shutdown(incoming, signal) => served,
            () = overdue => Ok(()),
        };
        if let Some(metrics) = metrics {
            metrics.abort();
            let _ = metrics.await;
        }
        // A witness that is being asked holds its log open.
        rounds.shutdown().await;
        let _ = tiles.await;
        // The queues are closed with the last call; what was taken from them is finished before the stores close.
        let joined = tokio::task::spawn_blocking(|| {
            drop(scrubs);
            writers.into_iter().for_each(|writer| drop(writer.join()));
        });
        let _ = tokio::time::timeout(DRAIN, joined).await;
        Ok(served?)
    }
}

/// Who may make calls. An open log is said loudly: it is for a demonstration, or behind something that knows the callers.
fn clients_of(config: &LogConfig) -> Result<Clients, ConfigError> {
    let clients = config.clients()?;
    match &clients {
        Clients::Everyone => tracing::warn!(
            origin = config.origin,
            "OPEN: no [[log.client]] is listed, so whoever reaches the port may read and export everything sealed"
        ),
        Clients::Listed(actors) => tracing::info!(origin = config.origin, clients = actors.len(), "clients listed"),
    }
    Ok(clients)
}

fn witnessing_of(config: &Config, logs: &[Arc<OpenLog>]) -> Result<HashMap<String, Arc<Witnessing>>, ConfigError> {
    let opened = config.logs.iter().zip(logs).map(|(config, log)| {
        let witnessing = Witnessing::open(config, log)?;
        Ok(witnessing.map(|witnessing| (config.origin.clone(), witnessing)))
    });
    opened.filter_map(Result::transpose).collect()
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |reason| ServeError::Listen { address, reason };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// One listener for each address that the logs name.
async fn bind_tiles(config: &Config, logs: &[Arc<OpenLog>]) -> Result<Vec<http::Listener>, ServeError> {
    let mut sites: BTreeMap<SocketAddr, Vec<Arc<Site>>> = BTreeMap::new();
    for (of, log) in config.logs.iter().zip(logs) {
        let Some(tiles) = &of.tiles else { continue };
        let (log, prefix) = (Arc::clone(log), of.tiles_prefix().to_owned());
        let site = Site { log, prefix, access: Access::of(tiles)? };
        sites.entry(tiles.listen).or_default().push(Arc::new(site));
    }
    let mut listeners = Vec::new();
    for (address, sites) in sites {
        let (listener, bound) = listen(address).await?;
        listeners.push(http::Listener::new(listener, bound, config.tls.as_ref(), sites)?);
    }
    Ok(listeners)
}

/// What is wrong with a file is said as of any other file of the configuration.
fn tls_of(config: &TlsConfig) -> Result<TlsAcceptor, ServeError> {
    http::service_tls(config).map_err(|reason| match reason {
        AccessError::Config(reason) => reason.into(),
        other => other.into(),
    })
}
