//! At which addresses others reach this machine.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use rustls::pki_types::ServerName;

/// The most addresses in a code: a machine with containers has many that nobody outside can use.
const ADDRESSES_MAX: usize = 8;

/// The hosts to put into a code for a listener on `host`: this very one, or all of this machine where it listens on all.
///
/// Those of all interfaces are read from `/proc` (Linux, IPv4); elsewhere they have to be said by `--at`.
pub(crate) fn reachable_hosts(host: &str) -> Vec<String> {
    if !matches!(host, "0.0.0.0" | "[::]" | "::") {
        return vec![host.to_owned()];
    }
    let trie = fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default();
    let all = local_addresses(&trie);
    let outside: Vec<_> = all.iter().filter(|address| !address.is_loopback()).collect();
    let chosen = if outside.is_empty() {
        all.iter().collect()
    } else {
        outside
    };
    let chosen = chosen.into_iter().filter(|address| !address.is_link_local());
    chosen.take(ADDRESSES_MAX).map(ToString::to_string).collect()
}

/// Whether it is an address or the name of a machine.
pub(crate) fn is_host(host: &str) -> bool {
    ServerName::try_from(as_subject(host)).is_ok()
}

/// An address, or the name of a machine, in the form of certificates: without brackets.
pub(super) fn as_subject(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// A host as it stands before a port.
pub(super) fn before_port(host: &str) -> String {
    match as_subject(host).parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

/// The addresses of this machine's own interfaces: in the kernel's table those that are followed by `/32 host LOCAL`.
fn local_addresses(trie: &str) -> Vec<Ipv4Addr> {
    let mut last = None;
    let mut found = Vec::new();
    for line in trie.lines() {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.trim() == "/32 host LOCAL"
            && let Some(address) = last
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
           |-- 192.0.2.2
              /32 host LOCAL
";

    #[test]
    fn only_addresses_of_this_machine_are_taken_from_the_table_and_each_once() {
        let found = local_addresses(TRIE);
        assert_eq!(found, [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 2)]);
    }

    #[test]
    fn who_listens_at_one_place_is_reached_there_alone() {
        assert_eq!(reachable_hosts("robot7.local"), ["robot7.local"]);
        assert_eq!(reachable_hosts("127.0.0.1"), ["127.0.0.1"]);
    }

    #[test]
    fn an_address_of_version_6_stands_in_brackets_before_a_port_only() {
        assert_eq!(
            (before_port("fe80::1").as_str(), as_subject("[fe80::1]")),
            ("[fe80::1]", "fe80::1")
        );
        assert_eq!(before_port("robot7"), "robot7");
    }
}
