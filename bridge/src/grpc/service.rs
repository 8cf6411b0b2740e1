//! The service: one method for each request, and the room for what it does.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::guest::guest_of;
use super::wire::bridge_server::Bridge;
use super::{calling, publishing, statistics, subscription, topology, type_facts, wire};

/// The service. What is behind it comes with each request's client.
#[derive(Clone, Copy, Debug)]
pub(super) struct BridgeService;

#[tonic::async_trait]
impl Bridge for BridgeService {
    type SubscribeStream = BoxStream<'static, Result<wire::SubscribeEvent, Status>>;
    type WatchStatsStream = BoxStream<'static, Result<wire::Stats, Status>>;

    async fn list_topology(
        &self,
        request: Request<wire::ListTopologyRequest>,
    ) -> Result<Response<wire::Topology>, Status> {
        Ok(Response::new(topology::topology(&guest_of(&request)?.client)))
    }

    async fn get_type(&self, request: Request<wire::GetTypeRequest>) -> Result<Response<wire::Type>, Status> {
        let guest = guest_of(&request)?;
        type_facts::get_type(&guest.client, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn publish(&self, request: Request<wire::PublishRequest>) -> Result<Response<wire::Published>, Status> {
        let guest = guest_of(&request)?;
        publishing::publish(&guest, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn publish_stream(
        &self,
        request: Request<Streaming<wire::PublishRequest>>,
    ) -> Result<Response<wire::PublishSummary>, Status> {
        let guest = guest_of(&request)?;
        publishing::publish_stream(&guest, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn subscribe(
        &self,
        request: Request<wire::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let guest = guest_of(&request)?;
        let events = subscription::subscribe(&guest, request.get_ref())?;
        Ok(Response::new(events.boxed()))
    }

    async fn call(&self, request: Request<wire::CallRequest>) -> Result<Response<wire::CallResponse>, Status> {
        let guest = guest_of(&request)?;
        calling::call(&guest, request.into_inner()).await.map(Response::new)
    }

    async fn get_stats(&self, request: Request<wire::GetStatsRequest>) -> Result<Response<wire::Stats>, Status> {
        Ok(Response::new(statistics::stats(&guest_of(&request)?.client)))
    }

    async fn watch_stats(
        &self,
        request: Request<wire::WatchStatsRequest>,
    ) -> Result<Response<Self::WatchStatsStream>, Status> {
        let guest = guest_of(&request)?;
        let reports = statistics::watch(&guest, request.into_inner())?;
        Ok(Response::new(reports.boxed()))
    }
}
