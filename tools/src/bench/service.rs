//! Services: calls of one server in another process, one after the other and many at once, beside raw queries.
//!
//! The raw answer is given in the thread that received the question. A request is signed, verified, decoded and answered in a
//! thread of the server's own, as every service is, and the response likewise.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::msgs::std_srvs::srv::{SetBool, SetBoolRequest, SetBoolResponse};
use nuncio::raw_link::{RawLink, RawServer};
use nuncio::{Node, ServiceClient, ServiceClientOptions, Serving, TopicName};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::quantile::{median, percentile, ratio, rounded};
use super::{BenchError, DEADLINE, NearEnd, Settings, Way, failed, late, parsed};
use crate::answers::bench::ServiceMeasured;

/// The name of the service, and of the topic of raw questions.
pub(super) const SET: &str = "/bench/set";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Calls before the first turn, and before raw questions are known to be answered.
const WARM_UP: u32 = 50;

/// How many callers call at once.
const CALLERS: usize = 64;

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct ServiceCalls {
    pub(crate) link: String,
    pub(crate) raw: Calls,
    pub(crate) signed: Calls,
}

/// The calls of one way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Round trips, one after the other.
    us: Vec<f64>,
    /// Answers a second, in each turn of many callers.
    rates: Vec<f64>,
    pub(crate) unanswered: u64,
}

impl Calls {
    /// A percentile of the round trips in µs.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.us, percent)
    }

    /// Answers a second, with many callers.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rates)
    }
}

impl ServiceCalls {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> ServiceMeasured<'_> {
        let (raw, signed) = (&self.raw, &self.signed);
        ServiceMeasured {
            case: "service",
            link: &self.link,
            raw_p50_us: rounded(raw.percentile(50)),
            signed_p50_us: rounded(signed.percentile(50)),
            ratio: rounded(self.ratio()),
            raw_p99_us: rounded(raw.percentile(99)),
            signed_p99_us: rounded(signed.percentile(99)),
            callers: CALLERS,
            raw_per_second: raw.rate().round(),
            signed_per_second: signed.rate().round(),
            raw_answered: raw.us.len(),
            signed_answered: signed.us.len(),
            raw_unanswered: raw.unanswered,
            signed_unanswered: signed.unanswered,
        }
    }

    /// Signed for raw, by their medians.
    pub(crate) fn ratio(&self) -> f64 {
        ratio(self.signed.percentile(50), self.raw.percentile(50))
    }

    /// How many call at once.
    pub(crate) fn callers(&self) -> usize {
        CALLERS
    }

    fn of(&mut self, way: Way) -> &mut Calls {
        match way {
            Way::Raw => &mut self.raw,
            Way::Signed => &mut self.signed,
        }
    }
}

/// Both servers, at the far end.
pub(super) struct Servers {
    _signed: Serving,
    _raw: RawServer,
}

impl Servers {
    pub(super) fn open(node: &Node, raw: &RawLink) -> Result<Self, BenchError> {
        let doing = "opening a server";
        let server = node.service_server::<SetBool>(SET).map_err(failed(doing))?;
        let set = |request: SetBoolRequest, _: &_| {
            let success = request.data;
            let message = String::new();
            Ok(SetBoolResponse { success, message })
        };
        Ok(Self {
            _signed: server.on_request(set).map_err(failed(doing))?,
            _raw: raw.serve(&parsed(SET)?, |question| question).map_err(failed(doing))?,
        })
    }
}

/// Measures it.
pub(crate) async fn measure(near: &mut NearEnd, settings: Settings) -> Result<ServiceCalls, BenchError> {
    let options = ServiceClientOptions {
        deadline: PATIENCE,
        ..ServiceClientOptions::default()
    };
    let signed = near
        .node
        .service_client_with::<SetBool>(SET, options)
        .map_err(failed("opening a client"))?;
    if !signed.wait_for_server(DEADLINE).await {
        return Err(late("a server at the far end", DEADLINE));
    }
    let caller = Arc::new(Caller {
        raw: Arc::clone(&near.raw),
        signed,
        topic: parsed(SET)?,
    });
    let nothing = || ServiceCalls {
        link: near.link().to_owned(),
        raw: Calls::default(),
        signed: Calls::default(),
    };
    let mut calls = nothing();
    for way in Way::BOTH {
        caller.one_by_one(way, WARM_UP, calls.of(way)).await?;
    }
    calls = nothing();
    for _ in 0..settings.rounds {
        for way in Way::BOTH {
            caller.one_by_one(way, settings.round_trips, calls.of(way)).await?;
            caller.many_at_once(way, settings.sending, calls.of(way)).await?;
        }
    }
    Ok(calls)
}

/// Calls both ways.
struct Caller {
    raw: Arc<RawLink>,
    signed: ServiceClient<SetBool>,
    topic: TopicName,
}

impl Caller {
    async fn one_by_one(&self, way: Way, count: u32, calls: &mut Calls) -> Result<(), BenchError> {
        for number in 0..count {
            let start = Instant::now();
            if self.call(way, number).await? {
                calls.us.push(start.elapsed().as_secs_f64() * 1e6);
            } else {
                calls.unanswered += 1;
            }
        }
        Ok(())
    }

    /// As many callers as there are, each with one call after the other.
    async fn many_at_once(self: &Arc<Self>, way: Way, time: Duration, calls: &mut Calls) -> Result<(), BenchError> {
        let (start, mut callers) = (Instant::now(), JoinSet::new());
        for _ in 0..CALLERS {
            let caller = Arc::clone(self);
            callers.spawn(async move {
                let (mut answered, mut unanswered) = (0_u32, 0_u64);
                while start.elapsed() < time {
                    match caller.call(way, answered).await? {
                        true => answered += 1,
                        false => unanswered += 1,
                    }
                }
                Ok::<_, BenchError>((answered, unanswered))
            });
        }
        let mut all = 0.0;
        while let Some(ended) = callers.join_next().await {
            let (answered, unanswered) = ended.map_err(failed("calling"))??;
            all += f64::from(answered);
            calls.unanswered += unanswered;
        }
        calls.rates.push(all / start.elapsed().as_secs_f64());
        Ok(())
    }

    /// Whether it was answered, and rightly.
    async fn call(&self, way: Way, number: u32) -> Result<bool, BenchError> {
        match way {
            Way::Signed => {
                let data = number.is_multiple_of(2);
                let response = self.signed.call(&SetBoolRequest { data }).await;
                Ok(response.is_ok_and(|response| response.message.success == data))
            }
            Way::Raw => {
                let question = vec![u8::from(number.is_multiple_of(2)), 0];
                let (sender, answer) = oneshot::channel();
                let sender = Mutex::new(Some(sender));
                let asked = self.raw.ask(&self.topic, question.clone(), PATIENCE, move |bytes| {
                    if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        // Whoever has given up needs no answer.
                        let _ = sender.send(bytes);
                    }
                });
                asked.map_err(failed("asking"))?;
                Ok(answer.await.is_ok_and(|answer| answer.as_slice() == question))
            }
        }
    }
}
