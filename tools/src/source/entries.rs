//! Entries by the ledger's word: when one came in. Specification: `specs/service.md`.

use super::{Connection, LedgerError};
use tonic::transport::Channel;
use zegel_proto::parse;
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::{Entry, ReadEntriesRequest};

impl Connection {
    /// When the ledger received an entry, in milliseconds since 1970; 0 where none stands.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn received_at_ms(&self, entry: u64) -> Result<u64, LedgerError> {
        let request = ReadEntriesRequest { origin: self.origin().into(), from: entry, count: 1 };
        let call = |mut client: LedgerClient<Channel>| {
            let request = request.clone();
            async move { client.read_entries(request).await }
        };
        let mut answers = self.call(call).await?;
        let answer = answers
            .message()
            .await
            .map_err(|status| LedgerError::Refused { code: status.code(), message: status.message().into() })?;
        Ok(answer.and_then(|answer| parse::<Entry>(&answer.entry).ok()).map_or(0, |entry| entry.received_at_ms))
    }
}
