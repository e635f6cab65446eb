use redis::Value;

use super::{node_address, slot::SLOTS};
use crate::storage::address::Address;

/// The topology of a cluster: the node of each slot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// In the order of their first slots, without overlap.
    ranges: Vec<SlotRange>,
}

#[derive(Debug, PartialEq, Eq)]
struct SlotRange {
    first: u16,
    last: u16,
    primary: Address,
}

/// The maximum number of ranges in one reply.
const MAX_RANGES: usize = SLOTS as usize;

impl Topology {
    /// Parses the answer of the node `reporter` to `CLUSTER SLOTS`. Returns `None` if it is anything else.
    pub(super) fn parse(answer: &Value, reporter: &Address) -> Option<Self> {
        let Value::Array(ranges) = answer else { return None };
        let ranges: Option<Vec<_>> =
            ranges.iter().take(MAX_RANGES).map(|range| SlotRange::parse(range, reporter)).collect();
        let mut ranges = ranges?;
        ranges.sort_by_key(|range| range.first);
        let overlap = ranges.windows(2).any(|pair| pair[0].last >= pair[1].first);
        (!overlap).then_some(Self { ranges })
    }

    /// Returns the primary of this slot.
    pub(super) fn primary(&self, slot: u16) -> Option<&Address> {
        let place = self.ranges.partition_point(|range| range.last < slot);
        self.ranges.get(place).filter(|range| range.first <= slot).map(|range| &range.primary)
    }

    /// Returns the nodes that have slots, each once.
    pub(super) fn primaries(&self) -> Vec<&Address> {
        let mut primaries: Vec<&Address> = Vec::new();
        for range in &self.ranges {
            if !primaries.contains(&&range.primary) {
                primaries.push(&range.primary);
            }
        }
        primaries
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl SlotRange {
    /// Parses a range: first slot, last slot, primary, replicas. A node is a host, a port and more.
    fn parse(range: &Value, reporter: &Address) -> Option<Self> {
        let Value::Array(range) = range else { return None };
        let [first, last, Value::Array(primary), ..] = range.as_slice() else { return None };
        let [host, port, ..] = primary.as_slice() else { return None };
        let (first, last) = (slot(first)?, slot(last)?);
        let host = match host {
            Value::BulkString(host) => std::str::from_utf8(host).ok()?,
            Value::SimpleString(host) => host,
            Value::Nil => "",
            _ => return None,
        };
        let primary = node_address::resolve(host, number(port)?, reporter);
        (first <= last).then_some(Self { first, last, primary })
    }
}

fn slot(value: &Value) -> Option<u16> {
    number(value).filter(|slot| *slot < SLOTS)
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node.clone(), node])
    }

    fn parse(ranges: Vec<Value>) -> Option<Topology> {
        Topology::parse(&Value::Array(ranges), &Address::new("reporter", 1))
    }

    #[test]
    fn slots_have_their_primaries() {
        let host = |host: &str| Value::BulkString(host.into());
        let topology = parse(vec![
            range(200, 300, host("b"), 2),
            range(0, 100, host("a"), 1),
            range(301, 301, host("a"), 1),
        ]);
        let topology = topology.unwrap();
        for (slot, expected) in [
            (0, Some("a:1")),
            (100, Some("a:1")),
            (101, None),
            (199, None),
            (200, Some("b:2")),
            (300, Some("b:2")),
            (301, Some("a:1")),
            (302, None),
            (SLOTS - 1, None),
        ] {
            assert_eq!(topology.primary(slot).map(ToString::to_string).as_deref(), expected, "{slot}");
        }
        assert_eq!(topology.primaries(), [&Address::new("a", 1), &Address::new("b", 2)]);
    }

    #[test]
    fn a_node_without_a_host_is_the_reporter() {
        for host in [Value::Nil, Value::BulkString(vec![]), Value::SimpleString("?".into())] {
            let topology = parse(vec![range(0, 1, host, 7)]).unwrap();
            assert_eq!(topology.primary(1), Some(&Address::new("reporter", 7)));
        }
    }

    #[test]
    fn anything_else_is_rejected() {
        assert!(parse(vec![]).is_some_and(|topology| topology.is_empty()));
        let host = || Value::SimpleString("a".into());
        for ranges in [
            vec![Value::Nil],
            vec![range(1, 0, host(), 1)],
            vec![range(0, 16384, host(), 1)],
            vec![range(0, 1, host(), 65536)],
            vec![range(0, 5, host(), 1), range(5, 6, host(), 1)],
            vec![range(0, 1, Value::Int(1), 1)],
        ] {
            assert_eq!(parse(ranges), None);
        }
        assert_eq!(Topology::parse(&Value::Nil, &Address::new("a", 1)), None);
    }
}
