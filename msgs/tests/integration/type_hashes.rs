//! The hashes of this crate's types against those that ROS 2 prints.

use std::collections::BTreeMap;

use nuncio_msgs::{Action, Message, Service, TypeHash};

const VECTORS: &str = include_str!("../../../codegen/tests/fixtures/rihs01.json");

/// The hash of every type in this crate, by name.
fn own_hashes() -> BTreeMap<&'static str, TypeHash> {
    let mut hashes = BTreeMap::new();
    macro_rules! add {
        ($role:ident: $($name:path,)*) => {
            $(hashes.insert(<$name as $role>::TYPE_NAME, <$name as $role>::TYPE_HASH);)*
        };
    }
    macro_rules! messages { ($($name:path,)*) => { add!(Message: $($name,)*) } }
    macro_rules! services { ($($name:path,)*) => { add!(Service: $($name,)*) } }
    macro_rules! actions { ($($name:path,)*) => { add!(Action: $($name,)*) } }
    nuncio_msgs::for_each_message!(messages);
    nuncio_msgs::for_each_service!(services);
    nuncio_msgs::for_each_action!(actions);
    hashes
}

#[test]
fn every_known_hash_is_the_one_that_ros_computes() {
    let vectors: BTreeMap<&str, &str> = serde_json::from_str(VECTORS).unwrap();
    let own = own_hashes();
    let mut compared = 0;
    for (name, expected) in &vectors {
        // Events of services are hashed and never sent: they have no Rust type.
        let Some(hash) = own.get(name) else { continue };
        assert_eq!(*hash, TypeHash::parse(expected).unwrap(), "{name}");
        compared += 1;
    }
    assert!(compared > 0, "no type of the vectors is in this crate");
    println!("compared {compared} of {}", vectors.len());
}
