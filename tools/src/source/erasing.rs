//! An order to erase, handed to a ledger that goes on serving. Not here: who signs it (`destroy`). Specification: `specs/officer.md`.

use super::connection::sort;
use super::{Connection, LedgerError};
use tonic::Code;
use zegel_proto::v1::{EraseRequest, EraseResponse};

/// How often a ledger that is at another order, or copies its store, is asked again before that counts as a failure: for six hours, at the longest of
/// the usual waits. An order over a large log takes minutes, a backup of it hours.
const TURNS_MAX: u32 = 4_320;

impl Connection {
    /// Has an order carried out. Asked again, the ledger goes on where it stopped. While it is at another order or copies its store, this waits for
    /// its turn: if the line broke, that other order may be this one.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn erase(&self, order: &str) -> Result<EraseResponse, LedgerError> {
        let request = EraseRequest { origin: self.origin().into(), order: order.into() };
        let (mut attempts, mut turns) = (self.attempts(), 0);
        loop {
            let answer = self.client().erase(request.clone()).await;
            match answer {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) if status.code() == Code::Aborted && turns < TURNS_MAX => {
                    // It is there, and at something else.
                    turns += 1;
                    attempts.progress();
                    tokio::time::sleep(self.backoff.max).await;
                }
                Err(status) => attempts.failed(sort(&status)).await?,
            }
        }
    }
}
