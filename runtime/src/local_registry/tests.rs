//! Nodes that start, end and die, and directories that are not ours.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;

const CHILD_DIR: &str = "NUNCIO_TEST_CHILD_REGISTRY";

fn registry() -> (TempDir, LocalRegistry) {
    let home = tempfile::tempdir().unwrap();
    let registry = LocalRegistry::open_in(&home.path().join("nuncio"), "0").unwrap();
    (home, registry)
}

fn locator(port: u16) -> String {
    format!("tcp/127.0.0.1:{port}")
}

fn peer(locators: Vec<String>) -> Entry {
    let part = Part::Peer;
    Entry { part, locators }
}

fn join(registry: &LocalRegistry, port: u16) -> (Membership, Vec<String>) {
    let (membership, others) = registry.join(|_| Ok(Some(peer(vec![locator(port)])))).unwrap();
    (membership.unwrap(), others.peers)
}

fn peers(registry: &LocalRegistry) -> Vec<String> {
    registry.members().unwrap().peers
}

fn entries(registry: &LocalRegistry) -> usize {
    fs::read_dir(&registry.dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name() != "lock")
        .count()
}

#[test]
fn a_node_finds_those_that_live_and_not_itself() {
    let (_home, registry) = registry();
    let (first, none) = join(&registry, 1);
    assert!(none.is_empty());
    let (_second, others) = join(&registry, 2);
    assert_eq!(others, [locator(1)]);
    drop(first);
    let (_third, others) = join(&registry, 3);
    assert_eq!(others, [locator(2)]);
    assert_eq!(
        BTreeSet::from_iter(peers(&registry)),
        BTreeSet::from([locator(2), locator(3)])
    );
}

#[test]
fn routers_and_their_clients_are_told_apart_from_peers() {
    let (_home, registry) = registry();
    let enter = |part: Part, locators: Vec<String>| {
        let (membership, others) = registry.join(|_| Ok(Some(Entry { part, locators }))).unwrap();
        (membership.unwrap(), others)
    };
    let (_peer, _) = join(&registry, 1);
    let (_router, before) = enter(Part::Router, vec![locator(2)]);
    assert_eq!((before.peers.len(), before.routers.len()), (1, 0));
    let (client, found) = enter(Part::Client(locator(2)), Vec::new());
    assert_eq!((found.peers, found.routers), (vec![locator(1)], vec![locator(2)]));
    let members = registry.members().unwrap();
    assert_eq!(members.clients, [locator(2)]);
    // Nobody calls a client.
    assert_eq!(members.locators(), [locator(2), locator(1)]);
    drop(client);
    assert!(registry.members().unwrap().clients.is_empty());
}

#[test]
fn who_sees_no_need_to_join_leaves_nothing_behind() {
    let (_home, registry) = registry();
    let (_peer, _) = join(&registry, 1);
    let (membership, others) = registry
        .join(|others| {
            assert_eq!(others.peers, [locator(1)]);
            Ok(None)
        })
        .unwrap();
    assert!(membership.is_none());
    assert_eq!((others.peers.len(), entries(&registry)), (1, 1));
}

#[test]
fn domains_do_not_meet() {
    let home = tempfile::tempdir().unwrap();
    let [zero, one] = ["0", "1"].map(|domain| LocalRegistry::open_in(&home.path().join("nuncio"), domain).unwrap());
    let (_node, _) = join(&zero, 1);
    assert!(peers(&one).is_empty());
    assert_eq!(peers(&zero), [locator(1)]);
}

#[test]
fn of_two_nodes_that_start_at_once_one_sees_the_other() {
    let (_home, registry) = registry();
    for _ in 0..50 {
        let start = Barrier::new(2);
        let seen = std::thread::scope(|scope| {
            let nodes = [1, 2].map(|port| {
                let (registry, start) = (&registry, &start);
                scope.spawn(move || {
                    start.wait();
                    join(registry, port)
                })
            });
            let joined = nodes.map(|node| node.join().unwrap());
            joined.iter().map(|(_, others)| others.len()).sum::<usize>()
        });
        assert_eq!(seen, 1);
    }
}

#[test]
fn a_node_that_was_killed_is_forgotten() {
    let (_home, registry) = registry();
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "local_registry::tests::child_joins_and_stays",
        ])
        .env(CHILD_DIR, registry.dir.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("joined")));
    assert_eq!(peers(&registry), [locator(7)]);

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(entries(&registry), 1, "it had no chance to clean up");
    assert!(peers(&registry).is_empty());
    assert_eq!(entries(&registry), 0);
}

#[test]
#[ignore = "run as a child process by a_node_that_was_killed_is_forgotten"]
fn child_joins_and_stays() {
    let registry = LocalRegistry::open_in(Path::new(&env::var_os(CHILD_DIR).unwrap()), "0").unwrap();
    let _node = join(&registry, 7);
    println!("joined");
    io::stdin().lines().for_each(drop);
}

#[test]
fn entries_are_for_their_owner_alone_and_kept_from_sweepers() {
    let (_home, registry) = registry();
    let (node, _) = join(&registry, 1);
    assert_eq!(fs::metadata(&registry.dir).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&node.path).unwrap().mode() & 0o777, 0o600);
    #[cfg(target_os = "linux")]
    assert_eq!(fs::metadata(&node.path).unwrap().mode() & 0o7777, 0o1600);
    assert_eq!(
        fs::read_to_string(&node.path).unwrap(),
        format!("tcp/127.0.0.1:1\npid {}\n", process::id())
    );
}

#[test]
fn nothing_is_left_of_a_node_that_could_not_reserve() {
    let (_home, registry) = registry();
    let refused = registry.join(|_| Err(io::Error::other("no ports"))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot reserve a port for nodes on this machine: no ports"
    );
    let many = |_: &Members| Ok(Some(peer((1..=9).map(locator).collect())));
    assert!(matches!(
        registry.join(many),
        Err(RegistryError::TooManyLocators { found: 9 })
    ));
    for bad in [
        "",
        "tcp/127.0.0.1:0",
        "tcp/0.0.0.0:7447",
        "udp/127.0.0.1:7447",
        "tcp/localhost:7447",
        "tcp/[::1]:1\n",
    ] {
        let refused = registry.join(|_| Ok(Some(peer(vec![bad.to_owned()])))).unwrap_err();
        assert!(
            matches!(refused, RegistryError::NotALocator { found } if found == bad),
            "{bad}"
        );
    }
    assert_eq!(entries(&registry), 0);
    let client = |_: &Members| {
        Ok(Some(Entry {
            part: Part::Client("7447".to_owned()),
            locators: Vec::new(),
        }))
    };
    assert!(registry.join(client).is_err());
    assert_eq!(entries(&registry), 0);
    let other_family = peer(vec!["tcp/[::1]:7447".to_owned()]);
    let (_node, _) = registry.join(|_| Ok(Some(other_family))).unwrap();
}

#[test]
fn hostile_entries_are_passed_over() {
    let (_home, registry) = registry();
    let mut held = Vec::new();
    let mut put = |name: &str, content: &[u8]| {
        let path = registry.dir.join(name);
        fs::write(&path, content).unwrap();
        let file = File::open(path).unwrap();
        file.lock().unwrap();
        held.push(file);
    };
    put(
        "a.node",
        b"tcp/127.0.0.1:1\nhttp://evil/\ntcp/evil:1\n\x1b[2J\npid 1\ntcp/[::1]:2\n",
    );
    put("b.node", &b"tcp/127.0.0.1:3\n".repeat(100));
    put("c.node", b"\xff\xfe");
    put("d.other", b"tcp/127.0.0.1:4\n");
    put("e.node", &b"tcp/127.0.0.1:5\n".repeat(20));
    fs::create_dir(registry.dir.join("f.node")).unwrap();
    symlink("/dev/zero", registry.dir.join("g.node")).unwrap();
    let mut expected = vec![locator(1), "tcp/[::1]:2".to_owned()];
    expected.extend(std::iter::repeat_n(locator(5), MAX_LOCATORS_PER_NODE));
    expected.sort();
    let mut found = peers(&registry);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_node_hears_of_all_others_newest_first() {
    let (_home, registry) = registry();
    let nodes: Vec<Membership> = (1..=60).map(|port| join(&registry, port).0).collect();
    for (node, seconds) in nodes.iter().zip(1_000..) {
        node.file
            .set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
            .unwrap();
    }
    let expected: Vec<String> = (1..=60).rev().map(locator).collect();
    assert_eq!(peers(&registry), expected);
}

#[test]
fn of_too_many_only_the_newest_are_returned() {
    let since = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let entries = vec![
        (since(2), peer(vec![locator(3), locator(4)])),
        (since(1), peer(vec![locator(1)])),
        (since(3), peer(vec![locator(5)])),
    ];
    assert_eq!(newest_first(entries, 3).peers, [5, 3, 4].map(locator));
}

#[test]
fn a_directory_that_is_a_link_or_open_to_others_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let base = home.path().join("nuncio");
    fs::create_dir(home.path().join("elsewhere")).unwrap();
    symlink(home.path().join("elsewhere"), &base).unwrap();
    let refused = LocalRegistry::open_in(&base, "0").unwrap_err().to_string();
    assert!(refused.contains("must not be a symbolic link"), "{refused}");

    fs::remove_file(&base).unwrap();
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, Permissions::from_mode(0o755)).unwrap();
    let refused = LocalRegistry::open_in(&base, "0").unwrap_err().to_string();
    assert!(refused.contains("`chmod 700 "), "{refused}");

    fs::set_permissions(&base, Permissions::from_mode(0o700)).unwrap();
    symlink(home.path().join("elsewhere"), base.join("0")).unwrap();
    assert!(LocalRegistry::open_in(&base, "0").is_err());
}

#[test]
fn no_domain_leaves_the_directory() {
    let name = |domain: &str| dir_name(domain).ok();
    assert_eq!(name("0").as_deref(), Some("0"));
    assert_eq!(name("Lab_7-b").as_deref(), Some("Lab_7-b"));
    assert_eq!(name("..").as_deref(), Some("%2e%2e"));
    assert_eq!(name("../../etc").as_deref(), Some("%2e%2e%2f%2e%2e%2fetc"));
    assert_eq!(name("%2e").as_deref(), Some("%252e"));
    assert_eq!(name("é\0").as_deref(), Some("%c3%a9%00"));
    assert_eq!(name(""), None);
    assert!(name(&"/".repeat(85)).is_some());
    assert!(name(&"/".repeat(86)).is_none());
}

#[test]
fn the_registry_is_in_the_runtime_directory_only_when_that_is_ours() {
    let home = tempfile::tempdir().unwrap();
    let in_tmp = PathBuf::from(format!("/tmp/nuncio-{}", private_file::our_uid()));
    assert_eq!(base_dir(Some(home.path().to_owned())), home.path().join("nuncio"));
    assert_eq!(base_dir(None), in_tmp);
    assert_eq!(base_dir(Some(home.path().join("gone"))), in_tmp);
    assert_eq!(base_dir(Some(PathBuf::from("."))), in_tmp);
}

#[test]
fn a_reserved_port_can_be_listened_on_while_it_is_held() {
    let held: Vec<ReservedPort> = (0..20).map(|_| reserve_loopback_port().unwrap()).collect();
    let ports: BTreeSet<u16> = held.iter().map(ReservedPort::port).collect();
    assert_eq!(ports.len(), held.len(), "no port is given twice");
    for port in &held {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.port())).unwrap();
        assert_eq!(port.locator(), format!("tcp/{}", listener.local_addr().unwrap()));
    }
}

#[test]
fn the_domains_of_nodes_that_live_are_told_and_no_others() {
    let home = tempfile::tempdir().unwrap();
    let base = home.path().join("nuncio");
    assert_eq!(LocalRegistry::domains_in(&base).unwrap(), Vec::<String>::new());
    let registry = |domain| LocalRegistry::open_in(&base, domain).unwrap();
    let (arena, _empty, gone) = (registry("arena"), registry("empty"), registry("gone"));
    let (_lives, _) = join(&arena, 1);
    drop(join(&gone, 2));
    fs::create_dir(base.join("%20")).unwrap();
    assert_eq!(LocalRegistry::domains_in(&base).unwrap(), ["arena"]);
}
