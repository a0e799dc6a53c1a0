//! A wire to a ledger that can be cut: a forwarder of TCP that loses connections, bytes or answers when it is told to.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a wire does with what is said over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It carries all of it.
    Whole,
    /// Every connection is broken, in the middle of whatever was said, and none is made.
    Cut,
    /// What the source says arrives, and what the ledger answers does not: the source cannot know what was done.
    AnswersLost,
    /// Connections stay, and nothing comes through, either way.
    Silent,
}

/// Whether answers are lost from here on.
type When = Box<dyn FnMut() -> bool + Send>;

/// A wire between a source and a ledger.
pub struct Wire {
    port: u16,
    state: Arc<watch::Sender<State>>,
    when: Arc<Mutex<Option<When>>>,
}

impl Wire {
    /// Lays a wire to a local port.
    ///
    /// # Panics
    /// If no port is to be had.
    pub async fn to(ledger_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (state, line) = watch::channel(State::Whole);
        let (state, when) = (Arc::new(state), Arc::default());
        let wire = Self { port, state: Arc::clone(&state), when: Arc::clone(&when) };
        tokio::spawn(async move {
            while let Ok((source, _)) = listener.accept().await {
                let look = {
                    let (state, when) = (Arc::clone(&state), Arc::clone(&when));
                    move || lose_answers_if(&state, &when)
                };
                tokio::spawn(carry(source, ledger_port, line.clone(), look));
            }
        });
        wire
    }

    /// The same to the ledger of an address.
    ///
    /// # Panics
    /// If the address has no port.
    pub async fn to_url(url: &str) -> Self {
        Self::to(url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")).await
    }

    /// Where a source finds the ledger over this wire.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Does something to it.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Loses answers as soon as this is so: asked before each that it would carry.
    ///
    /// # Panics
    /// If an earlier one panicked.
    pub fn lose_answers_when(&self, is_so: impl FnMut() -> bool + Send + 'static) {
        *self.when.lock().expect("a lock") = Some(Box::new(is_so));
    }

    /// What it does now.
    #[must_use]
    pub fn state(&self) -> State {
        *self.state.borrow()
    }
}

fn lose_answers_if(state: &watch::Sender<State>, when: &Mutex<Option<When>>) {
    let mut when = when.lock().expect("a lock");
    if when.as_mut().is_some_and(|is_so| is_so()) {
        *when = None;
        state.send_replace(State::AnswersLost);
    }
}

/// One connection, until either side ends it or the wire is cut.
async fn carry(source: TcpStream, ledger_port: u16, mut line: watch::Receiver<State>, look: impl Fn()) {
    if *line.borrow() == State::Cut {
        return;
    }
    let Ok(ledger) = TcpStream::connect(("127.0.0.1", ledger_port)).await else { return };
    let ((from_source, to_source), (from_ledger, to_ledger)) = (source.into_split(), ledger.into_split());
    let asked = forward(from_source, to_ledger, line.clone(), &[State::Whole, State::AnswersLost], || ());
    let answered = forward(from_ledger, to_source, line.clone(), &[State::Whole], look);
    tokio::select! {
        () = asked => {}
        () = answered => {}
        _ = line.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<State>,
    carried_in: &[State],
    look: impl Fn(),
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        look();
        if !carried_in.contains(&line.borrow()) {
            // What was lost stays lost: once the wire is whole again, this connection is not.
            let _ = line.wait_for(|state| *state == State::Whole).await;
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
