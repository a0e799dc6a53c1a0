//! The calls of whoever rewraps, and what a stream that broke says.

use super::{Connection, LedgerError};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::{DossierWrap, ReadEnvelopesRequest, RewrapEnvelopesRequest};

impl LedgerError {
    /// A stream that broke: what it gave is not used further.
    pub(crate) fn of(status: &Status) -> Self {
        match status.code() {
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
                Self::Unreachable { attempts: 1, reason: status.to_string() }
            }
            code => Self::Refused { code, message: status.message().into() },
        }
    }
}

impl Connection {
    /// Begins to read envelopes that are to be rewrapped.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn envelopes(&self, request: &ReadEnvelopesRequest) -> Result<Streaming<DossierWrap>, LedgerError> {
        self.call(|mut client| {
            let request = request.clone();
            async move { client.read_envelopes(request).await }
        })
        .await
    }

    /// Hands in envelopes that were rewrapped: the same ones again do no harm.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn rewrap(&self, request: &RewrapEnvelopesRequest) -> Result<(), LedgerError> {
        let call = |mut client: LedgerClient<Channel>| {
            let request = request.clone();
            async move { client.rewrap_envelopes(request).await }
        };
        self.call(call).await.map(|_| ())
    }
}
