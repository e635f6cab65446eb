//! A process of the fleet: a thread with limiters, a storage and a memory of its own, and the load on them.

use std::{rc::Rc, sync::Arc, thread, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header::HeaderValue,
    rt::{
        System, spawn,
        time::{sleep, timeout},
    },
    test::init_service,
};
use futures_util::future::join_all;
use limiter_actix::Limiter;
use limiter_test_support::{app::request, random::Random};
use tokio::sync::{mpsc, oneshot};

use super::{
    MAX_DECISION_TIME,
    kinds::{self, CLIENT, DECIDED_BY, Form, GROUP, KINDS, Kind},
    record::{By, Client, Decision, LANE_COUNT, Run},
};

/// Tasks of each process that send requests.
const TASKS: u64 = 4;

/// One in this many requests is for a leased count.
const LEASED: u64 = 3;

/// A process that runs until this is dropped.
pub(super) struct Process {
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<thread::JoinHandle<()>>,
    pub(super) limiters: [Limiter; 2],
}

/// A request that is sent once, besides the load.
struct Order {
    kind: usize,
    client: Client,
    hold: Duration,
    answer: oneshot::Sender<Decision>,
}

impl Process {
    pub(super) fn start(number: usize, uri: &str, run: &Arc<Run>, seed: u64) -> Self {
        let limiters = kinds::limiters(uri);
        let (orders, received) = mpsc::unbounded_channel();
        let (own, run) = (limiters.clone(), Arc::clone(run));
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let apps = [app(&own[0]).await, app(&own[1]).await];
                let sender = Rc::new(Sender { number, apps, run });
                let mut random = Random(seed);
                for _ in 0..TASKS {
                    spawn(load(Rc::clone(&sender), Random(random.below(u64::MAX))));
                }
                obey(sender, received).await;
            });
        });
        Self { orders: Some(orders), thread: Some(thread), limiters }
    }

    /// Sends requests of a client at once, and holds each response for a while. Returns how they were decided.
    pub(super) fn send(&self, kind: usize, client: Client, requests: usize, hold: Duration) -> Vec<Decision> {
        let order = |_| {
            let (answer, decision) = oneshot::channel();
            let orders = self.orders.as_ref().expect("it runs");
            assert!(orders.send(Order { kind, client, hold, answer }).is_ok(), "the process goes on");
            decision
        };
        let decisions: Vec<_> = (0..requests).map(order).collect();
        decisions.into_iter().map(|it| it.blocking_recv().expect("each request has an outcome")).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // Its panic has failed the run already.
            drop(thread.join());
        }
    }
}

async fn app(
    limiter: &Limiter,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody + use<>>, Error = Error> + use<> {
    init_service(App::new().wrap(limiter.clone()).configure(kinds::routes)).await
}

/// Sends requests to the apps of a process.
struct Sender<S> {
    number: usize,
    apps: [S; 2],
    run: Arc<Run>,
}

impl<S, B> Sender<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    /// Sends a request and holds its response for a while.
    async fn send(&self, kind: usize, client: Client, hold: Duration) -> Decision {
        let Kind { name, form, .. } = KINDS[kind];
        let Client { lane, number } = client;
        let request = request("GET", &format!("/{name}"))
            .insert_header((CLIENT, format!("{name}-{lane}-{number}")))
            .insert_header((GROUP, format!("group-{lane}-{}", number / GROUPED)));
        let app = &self.apps[usize::from(form == Form::Meta)];
        let began = self.run.now();
        let answer = timeout(MAX_DECISION_TIME, app.call(request.to_request())).await;
        let answered = self.run.now();
        let (status, by) = match &answer {
            Ok(Ok(response)) => {
                let by = response.headers().get(DECIDED_BY).map(HeaderValue::as_bytes);
                (response.status().as_u16(), decider(by))
            }
            Ok(Err(error)) => (error.as_response_error().status_code().as_u16(), By::Nobody),
            Err(_) => (0, By::Nobody),
        };
        if !hold.is_zero() && status == 200 {
            sleep(hold).await;
        }
        let ended = self.run.now();
        drop(answer);
        Decision { process: self.number, kind, client, began, answered, ended, status, by }
    }
}

/// Clients in a row that a pair counts together.
pub(super) const GROUPED: u32 = 2;

fn decider(header: Option<&[u8]>) -> By {
    match header {
        None => By::Server,
        Some(b"memory") => By::Memory,
        Some(_) => By::Nobody,
    }
}

/// Sends requests of all kinds until the run is over.
async fn load<S, B>(sender: Rc<Sender<S>>, mut random: Random)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    let mut tasks = Vec::new();
    sender.run.begin_load();
    while !sender.run.is_over() {
        let kind = kind(&mut random);
        // Others would last for longer than their limits.
        let lane = if KINDS[kind].form == Form::Leased { 0 } else { random.below(LANE_COUNT) };
        let client = sender.run.client(u32::try_from(lane).expect("there are few"));
        let sender_of_it = Rc::clone(&sender);
        if KINDS[kind].form == Form::Concurrent {
            let hold = Duration::from_millis(20 + random.below(280));
            tasks.retain(|task: &actix_web::rt::task::JoinHandle<()>| !task.is_finished());
            tasks.push(spawn(async move {
                let decision = sender_of_it.send(kind, client, hold).await;
                sender_of_it.run.log(decision);
            }));
        } else {
            let decision = sender.send(kind, client, Duration::ZERO).await;
            sender.run.log(decision);
        }
        sleep(Duration::from_millis(6 + random.below(18))).await;
    }
    join_all(tasks).await;
    sender.run.end_load();
}

fn kind(random: &mut Random) -> usize {
    let others = KINDS.len() - 1;
    if random.below(LEASED) == 0 {
        return others;
    }
    usize::try_from(random.below(others as u64)).expect("there are few")
}

/// Sends requests as ordered, until nobody orders any more.
async fn obey<S, B>(sender: Rc<Sender<S>>, mut orders: mpsc::UnboundedReceiver<Order>)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    while let Some(Order { kind, client, hold, answer }) = orders.recv().await {
        let sender = Rc::clone(&sender);
        spawn(async move {
            let decision = sender.send(kind, client, hold).await;
            // The one who ordered it may have given up.
            drop(answer.send(decision));
        });
    }
}
