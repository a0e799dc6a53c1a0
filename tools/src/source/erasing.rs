//! An order to erase, handed to a ledger that goes on serving. Not here: who signs it (`destroy`). Specification: `specs/officer.md`.

use super::{Connection, LedgerError};
use zegel_proto::v1::{EraseRequest, EraseResponse};

impl Connection {
    /// Has an order carried out. Asked again, the ledger goes on where it stopped.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn erase(&self, order: &str) -> Result<EraseResponse, LedgerError> {
        let request = EraseRequest { origin: self.origin().into(), order: order.into() };
        self.call(|mut client| {
            let request = request.clone();
            async move { client.erase(request).await }
        })
        .await
    }
}
