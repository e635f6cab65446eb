use std::fmt::Write;

use crate::{
    Redis,
    redis::{ask, start_node},
    wait_until,
};

/// A cluster of three primaries, which go on when one of them is gone.
#[derive(Debug)]
pub struct Cluster {
    /// The primaries, in the order of their slots, then replicas.
    pub nodes: Vec<Redis>,
}

/// The slots of the primaries at first.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

impl Cluster {
    /// Starts three primaries, and waits until they agree.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts three primaries and a replica of the first, and waits until they agree.
    pub fn start_with_replica() -> Self {
        let mut cluster = Self::start_with(&["--cluster-node-timeout", "1000"]);
        let replica = start_node(&["--cluster-node-timeout", "1000"]);
        meet(&replica, &cluster.nodes[0]);
        let id = cluster.id(0);
        wait_until("the replica knows its primary", || {
            ask(replica.port(), &format!("CLUSTER REPLICATE {id}")).is_some_and(|it| it.starts_with("+OK"))
        });
        wait_until("the replica follows", || {
            ask(replica.port(), "INFO replication").is_some_and(|it| it.contains("master_link_status:up"))
        });
        cluster.nodes.push(replica);
        wait_until("all know the replica", || {
            cluster.nodes.iter().all(|node| info(node).contains("cluster_known_nodes:4\r\n"))
        });
        cluster
    }

    /// Starts three primaries with further options, and waits until they agree.
    pub fn start_with(options: &[&str]) -> Self {
        let cluster = Self { nodes: (0..SLOTS.len()).map(|_| start_node(options)).collect() };
        for (place, (node, (first, last))) in cluster.nodes.iter().zip(SLOTS).enumerate() {
            order(node, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
            order(node, &format!("CLUSTER SET-CONFIG-EPOCH {}", place + 1));
        }
        for node in &cluster.nodes[1..] {
            meet(node, &cluster.nodes[0]);
        }
        wait_until("the cluster is up", || cluster.nodes.iter().all(is_up));
        cluster
    }

    /// Its address, by those of all nodes.
    pub fn uri(&self) -> String {
        let mut uri = String::from("redis+cluster://");
        for (place, node) in self.nodes.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(uri, "{comma}127.0.0.1:{}", node.port()).expect("a text takes more");
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

    fn id(&self, place: usize) -> String {
        let answer = ask(self.nodes[place].port(), "CLUSTER MYID").expect("it answers");
        answer.lines().nth(1).expect("its name follows the length").to_owned()
    }
}

fn meet(node: &Redis, other: &Redis) {
    order(node, &format!("CLUSTER MEET 127.0.0.1 {} {}", other.port(), other.bus_port()));
}

fn order(node: &Redis, command: &str) {
    let answer = ask(node.port(), command).expect("it answers");
    assert!(answer.starts_with("+OK"), "{command}: {answer}");
}

fn info(node: &Redis) -> String {
    ask(node.port(), "CLUSTER INFO").unwrap_or_default()
}

fn is_up(node: &Redis) -> bool {
    let info = info(node);
    info.contains("cluster_state:ok\r\n") && info.contains("cluster_slots_assigned:16384\r\n")
}
