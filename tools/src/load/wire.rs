//! Requests that are sent as they lie on disk: the client's share of the machine is reading and TLS, not encoding.

use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use zegel_proto::v1::AppendResponse;

/// Room of the encoder: a batch of 256 messages in one piece.
const BUFFER_BYTES: usize = 256 * 1024;

/// Encoded requests out, decoded answers in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = AppendResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }

    fn buffer_settings(&self) -> tonic::codec::BufferSettings {
        tonic::codec::BufferSettings::new(BUFFER_BYTES, BUFFER_BYTES)
    }
}

impl Decoder for Raw {
    type Item = AppendResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<AppendResponse>, Status> {
        AppendResponse::decode(buffer).map(Some).map_err(|reason| Status::internal(reason.to_string()))
    }
}

async fn ready(channel: Channel) -> Result<Grpc<Channel>, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|reason| Status::unavailable(reason.to_string()))?;
    Ok(client)
}

/// `AppendStream` over encoded requests.
pub(super) async fn append_stream(
    channel: Channel,
    requests: impl tokio_stream::Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<Streaming<AppendResponse>, Status> {
    let path = PathAndQuery::from_static("/zegel.v1.Ledger/AppendStream");
    Ok(ready(channel).await?.streaming(Request::new(requests), path, Raw).await?.into_inner())
}

/// `Append` of one encoded request.
pub(super) async fn append(channel: Channel, request: Vec<u8>) -> Result<AppendResponse, Status> {
    let path = PathAndQuery::from_static("/zegel.v1.Ledger/Append");
    Ok(ready(channel).await?.unary(Request::new(request), path, Raw).await?.into_inner())
}
