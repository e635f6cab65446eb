use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use crate::{
    Proxy, Redis, free_port,
    redis::{ask, ask_within, start_node, start_node_at},
    wait_until,
};

/// A cluster of three primaries, which go on when one of them is gone.
#[derive(Debug)]
pub struct Cluster {
    /// The primaries, in the order of their slots, then replicas.
    pub nodes: Vec<Redis>,
    /// The ways to the nodes, if clients and replicas use such.
    pub proxies: Vec<Proxy>,
}

/// The slots of the primaries at first.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// A primary that is gone for a second is replaced.
const TIMEOUT: [&str; 2] = ["--cluster-node-timeout", "1000"];

/// A replica waits until it is to take over.
const PATIENT: [&str; 2] = ["--cluster-replica-no-failover", "yes"];

/// Nodes give an introduction up after at least a second. It is repeated after this time.
const INTRODUCTION: Duration = Duration::from_secs(2);

impl Cluster {
    /// Starts three primaries, and waits until they agree.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts three primaries and a replica of the first, and waits until they agree. The replica takes over when
    /// [a test wants it](Self::fail_over): a busy machine is no reason for it.
    pub fn start_with_replica() -> Self {
        let mut cluster = Self::start();
        cluster.add_replica(0, start_node(&PATIENT));
        cluster.wait_for_all();
        cluster
    }

    /// Starts three primaries and a replica of each, in the same order. Each is behind a proxy, which clients and replicas
    /// use. A replica takes over when its primary is gone for a second. It blocks the thread, so the runtime needs others.
    pub async fn start_behind_proxies() -> Self {
        let (mut nodes, mut proxies) = (Vec::new(), Vec::new());
        for _ in 0..2 * SLOTS.len() {
            let port = free_port();
            let proxy = Proxy::start(port).await;
            let announced = proxy.port().to_string();
            nodes.push(start_node_at(port, &[TIMEOUT, ["--cluster-announce-port", &announced]].concat()));
            proxies.push(proxy);
        }
        let replicas = nodes.split_off(SLOTS.len());
        let mut cluster = Self::join(nodes);
        cluster.proxies = proxies;
        for (place, replica) in replicas.into_iter().enumerate() {
            cluster.add_replica(place, replica);
        }
        cluster.wait_for_all();
        cluster
    }

    fn add_replica(&mut self, place: usize, replica: Redis) {
        let id = self.id(place);
        meet(&[&replica], &self.nodes[0], "the replica knows its primary", || {
            ask(replica.port(), &format!("CLUSTER REPLICATE {id}")).is_some_and(|it| it.starts_with("+OK"))
        });
        wait_until("the replica follows", || {
            replica.info("replication").is_some_and(|it| it.contains("master_link_status:up"))
        });
        self.nodes.push(replica);
    }

    fn wait_for_all(&self) {
        let known = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        wait_until("all know each other", || self.nodes.iter().all(|node| info(node).contains(&known)));
    }

    /// Starts three primaries with further options, and waits until they agree.
    pub fn start_with(options: &[&str]) -> Self {
        Self::join((0..SLOTS.len()).map(|_| start_node(options)).collect())
    }

    /// Makes these nodes the primaries of a cluster, and waits until they agree.
    fn join(nodes: Vec<Redis>) -> Self {
        let cluster = Self { nodes, proxies: Vec::new() };
        for (place, (node, (first, last))) in cluster.nodes.iter().zip(SLOTS).enumerate() {
            order(node, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
            order(node, &format!("CLUSTER SET-CONFIG-EPOCH {}", place + 1));
        }
        let others: Vec<_> = cluster.nodes[1..].iter().collect();
        meet(&others, &cluster.nodes[0], "the cluster is up", || cluster.nodes.iter().all(is_up));
        cluster
    }

    /// Its address, by those of all nodes, or of the proxies if there are some.
    pub fn uri(&self) -> String {
        let ports: Vec<_> = match &self.proxies[..] {
            [] => self.nodes.iter().map(Redis::port).collect(),
            proxies => proxies.iter().map(Proxy::port).collect(),
        };
        let mut uri = String::from("redis+cluster://");
        for (place, port) in ports.into_iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(uri, "{comma}127.0.0.1:{port}").expect("a text takes more");
        }
        uri
    }

    /// Waits until all nodes know a primary for each slot.
    pub fn wait(&self) {
        wait_until("the cluster is up", || self.nodes.iter().all(is_up));
    }

    /// Begins to move a slot from one primary to another: from now on, keys that are not there any more are
    /// asked for at the other.
    pub fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        order(&self.nodes[to], &format!("CLUSTER SETSLOT {slot} IMPORTING {}", self.id(from)));
        order(&self.nodes[from], &format!("CLUSTER SETSLOT {slot} MIGRATING {}", self.id(to)));
    }

    /// Moves a key of a slot that is being moved.
    pub fn move_key(&self, key: &str, from: usize, to: usize) {
        order(&self.nodes[from], &format!("MIGRATE 127.0.0.1 {} {key} 0 5000", self.nodes[to].port()));
    }

    /// Ends the move of a slot: from now on, the other primary has it.
    pub fn end_move(&self, slot: u16, to: usize) {
        let id = self.id(to);
        order(&self.nodes[to], &format!("CLUSTER SETSLOT {slot} NODE {id}"));
        for node in &self.nodes {
            order(node, &format!("CLUSTER SETSLOT {slot} NODE {id}"));
        }
    }

    /// Makes the replica of the first primary take over, even if the primary is well, and waits until the other primaries
    /// know it.
    ///
    /// # Panics
    ///
    /// When there is no replica.
    pub fn fail_over(&self) {
        let [_, others @ .., replica] = &self.nodes[..] else { panic!("there is a replica") };
        order(replica, "CLUSTER FAILOVER TAKEOVER");
        let slots = format!("{}-{}\n", SLOTS[0].0, SLOTS[0].1);
        let id = id(replica);
        wait_until("the primaries know the one that has taken over", || {
            others.iter().all(|node| {
                let nodes = ask(node.port(), "CLUSTER NODES").unwrap_or_default();
                let line = nodes.split_inclusive('\n').find(|line| line.starts_with(&id));
                line.is_some_and(|line| line.ends_with(&slots))
            })
        });
    }

    fn id(&self, place: usize) -> String {
        id(&self.nodes[place])
    }
}

fn id(node: &Redis) -> String {
    let answer = ask_within(PATIENCE, node.port(), "CLUSTER MYID").expect("it answers");
    answer.lines().nth(1).expect("its name follows the length").to_owned()
}

/// Introduces nodes to another one, and waits until something is so.
fn meet(nodes: &[&Redis], other: &Redis, what: &str, mut is_so: impl FnMut() -> bool) {
    let mut introduced: Option<Instant> = None;
    wait_until(what, || {
        if introduced.is_none_or(|at| at.elapsed() > INTRODUCTION) {
            for node in nodes {
                order(node, &format!("CLUSTER MEET 127.0.0.1 {} {}", other.port(), other.bus_port()));
            }
            introduced = Some(Instant::now());
        }
        is_so()
    });
}

/// Nodes write what they are ordered to disk before they answer.
const PATIENCE: Duration = Duration::from_secs(30);

fn order(node: &Redis, command: &str) {
    let answer = ask_within(PATIENCE, node.port(), command).expect("it answers");
    assert!(answer.starts_with("+OK"), "{command}: {answer}");
}

fn info(node: &Redis) -> String {
    ask(node.port(), "CLUSTER INFO").unwrap_or_default()
}

fn is_up(node: &Redis) -> bool {
    let info = info(node);
    info.contains("cluster_state:ok\r\n") && info.contains("cluster_slots_assigned:16384\r\n")
}
