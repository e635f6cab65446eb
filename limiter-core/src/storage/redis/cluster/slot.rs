/// The number of slots of a cluster.
pub(in super::super) const SLOTS: u16 = 1 << 14;

/// Returns the slot of a key, which depends on the text between its first braces, or on the whole key.
pub(in super::super) fn of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
}

/// Returns the checksum that clusters use, CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    const fn remainder(byte: u16) -> u16 {
        let mut rest = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 0x8000 == 0 { rest << 1 } else { rest << 1 ^ 0x1021 };
            bit += 1;
        }
        rest
    }
    const TABLE: [u16; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte as usize] = remainder(byte);
            byte += 1;
        }
        table
    };
    bytes.iter().fold(0, |crc, byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification of Redis Cluster, and from `CLUSTER KEYSLOT` of a server.
    #[test]
    fn slots_are_those_of_the_server() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        for (key, slot) in [("foo", 12182), ("", 0), ("{}foo", 9500), ("a{foo}b", 12182), ("{foo", 13308)] {
            assert_eq!(of(key), slot, "{key}");
        }
        assert_eq!(of("{user1000}.following"), of("user1000"));
        assert_eq!(of("foo{{bar}}zap"), of("{bar"));
        assert_eq!(of("foo{bar}{zap}"), of("bar"));
    }
}
