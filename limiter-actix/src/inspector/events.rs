//! Live updates as server-sent events.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{HttpResponse, http::StatusCode, web::Bytes};
use futures_util::stream;

use super::{
    access::Access,
    respond::{ApiError, begin},
    views,
};
use crate::Limiter;

/// The most streams in this process, over all inspectors.
const MAX_STREAMS: usize = 16;
const INTERVAL: Duration = Duration::from_secs(2);
/// The number of events of one stream, about five minutes. The browser then connects again, and is authorized again.
const MAX_EVENTS: usize = 150;

static STREAMS: AtomicUsize = AtomicUsize::new(0);

/// One of the streams; gives its place back when it is dropped.
struct StreamPermit;

impl StreamPermit {
    fn take() -> Option<Self> {
        let taken = STREAMS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |streams| {
            (streams < MAX_STREAMS).then_some(streams + 1)
        });
        taken.is_ok().then_some(Self)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        STREAMS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns a stream of overviews, one every two seconds.
pub(super) fn stream(limiter: &Limiter, access: &Access) -> HttpResponse {
    let Some(place) = StreamPermit::take() else {
        let error = format!("{MAX_STREAMS} streams are open already");
        return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error).respond();
    };
    let first = (limiter.clone(), access.clone(), place, 0);
    let events = stream::unfold(first, |(limiter, access, place, sent)| async move {
        if sent >= MAX_EVENTS {
            return None;
        }
        if sent > 0 {
            tokio::time::sleep(INTERVAL).await;
        }
        let overview = serde_json::to_string(&views::overview(&limiter, &access)).ok()?;
        let event = Bytes::from(format!("event: overview\ndata: {overview}\n\n"));
        Some((Ok::<_, Infallible>(event), (limiter, access, place, sent + 1)))
    });
    // Compression and proxies would hold events back.
    let mut response = begin(StatusCode::OK);
    response.insert_header(("content-encoding", "identity")).insert_header(("x-accel-buffering", "no"));
    response.content_type("text/event-stream").streaming(events)
}
