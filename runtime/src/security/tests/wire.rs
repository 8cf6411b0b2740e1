//! The bytes of frames are a contract with every node ever deployed. A change here needs a new version of the format,
//! not a new snapshot.

use super::stage::{Stage, context, header, unsigned};
use crate::key_expr::hex;
use crate::name::Domain;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Kind, Layout, MessageId, Writer};
use crate::security::key::Identity;
use crate::security::signer;

fn by_field(frame: &[u8]) -> String {
    let layout = Layout::parse(frame).unwrap();
    let siblings = layout.siblings();
    let fields = [
        ("magic", 0..2),
        ("version", 2..3),
        ("suite", 3..4),
        ("flags", 4..5),
        ("kind", 5..6),
        ("count", 6..8),
        ("key", 8..40),
        ("writer", 40..48),
        ("epoch", 48..56),
        ("number", 56..64),
        ("time", 64..72),
        ("type", 72..80),
        ("messages", 80..siblings.start),
        ("siblings", siblings.clone()),
        ("leaf", siblings.end..siblings.end + 2),
        ("leaves", siblings.end + 2..siblings.end + 4),
        ("signature", siblings.end + 4..frame.len()),
    ];
    fields
        .map(|(name, range)| format!("{name:<10}{}\n", hex(&frame[range])))
        .concat()
}

#[test]
fn a_frame_of_one_message_is_pinned() {
    let frame = Stage::new().frame(42, &[b"hello"]);
    insta::assert_snapshot!(by_field(&frame), @r"
    magic     4e75
    version   01
    suite     01
    flags     00
    kind      00
    count     0100
    key       ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c
    writer    200b86762fced4f5
    epoch     e803000000000000
    number    2a00000000000000
    time      00002a36fe9c9717
    type      abababababababab
    messages  000568656c6c6f
    siblings  
    leaf      0000
    leaves    0100
    signature d6c1e66e7752a2c48f7d1b102960167602f4d77551c6ff86527517de36fbbc83c3f30e87ab50e2df3098f37b13ddf5a9851294d760e5728a846665c678a52e04
    ");
}

#[test]
fn a_frame_with_cause_origin_and_replay_in_a_tree_of_three_is_pinned() {
    let identity = Identity::from_seed(&[7; 32]);
    let mut recorded = header(&identity, 7);
    recorded.replay = true;
    let with = Accompaniment {
        cause: Some(MessageId([0xcc; 16])),
        origin: Some("planner"),
    };
    let mut writer = FrameWriter::new(Vec::new(), &recorded, with);
    for (number, payload) in [(0, vec![1; 3]), (1, vec![2; 200])] {
        let time_ns = recorded.first_time_ns + 300 * number;
        writer
            .push(time_ns, with, |bytes| {
                bytes.extend_from_slice(&payload);
                Ok::<(), ()>(())
            })
            .unwrap();
    }
    let others = [8, 9].map(|number| (unsigned(&header(&identity, number), &[b"x"]), context()));
    let [first, second] = others;
    let frames = signer::seal_together(&identity, vec![first, (writer.finish(), context()), second]);
    insta::assert_snapshot!(by_field(&frames[1]), @r"
    magic     4e75
    version   01
    suite     01
    flags     07
    kind      00
    count     0200
    key       ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c
    writer    200b86762fced4f5
    epoch     e803000000000000
    number    0700000000000000
    time      00002a36fe9c9717
    type      abababababababab
    messages  00cccccccccccccccccccccccccccccccc07706c616e6e657203010101ac02cccccccccccccccccccccccccccccccc07706c616e6e6572c8010202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202
    siblings  3e8c845b82234c5ae76244bafd4f90e62130b6d135cba24cd9064b6138c3a5cc02f40ee72fda7ef75f019ac8240e201092ad6bc4fcc843f663757b83b42f0a49
    leaf      0100
    leaves    0300
    signature 8ec6b8132bfae12e2fc62cc1598b8f98953a19deb27d3b06119e6bad0b21a86a8a9932562b8a862cc0875641c15c21abfcb32420033af737d023df52c487b308
    ");
}

#[test]
fn what_is_derived_from_names_is_pinned() {
    let context = Context::new(
        &Domain::default(),
        "/cmd_vel",
        "geometry_msgs/msg/Twist",
        &super::stage::TYPE_HASH,
        Kind::Response,
        &[1, 2, 3],
    );
    insta::assert_snapshot!(hex(context.as_bytes()), @"ebb0db7156aa804bf9c755eba137af6fa8d9cba41aa2c830e32188d11cfbd260");
    insta::assert_snapshot!(hex(&Writer::derive("/robot_1/driver", "/cmd_vel", 2).0.to_le_bytes()), @"f41fbe9bc7ae0c03");
    let key = Identity::from_seed(&[7; 32]).public_key();
    insta::assert_snapshot!(MessageId::of(&key, Writer(1), 2, 3), @"ea87efc442e4a3200affe0a1273fac45");
}

/// The format's definition, written a second time without the code under test.
#[test]
fn the_signature_covers_what_the_documentation_says() {
    let frame = Stage::new().frame(1, &[b"hello"]);
    let body = &frame[..frame.len() - 68];
    let prefixed = |part: &[u8]| [&u32::try_from(part.len()).unwrap().to_le_bytes(), part].concat();
    let context = blake3::hash(
        &[
            prefixed(b"0"),
            prefixed(b"/things"),
            prefixed(b"test_msgs/msg/Thing"),
            prefixed(&[0xab; 32]),
            prefixed(&[0]),
            prefixed(b""),
        ]
        .concat(),
    );
    let leaf = blake3::hash(&[&[0], &context.as_bytes()[..], &blake3::hash(body).as_bytes()[..]].concat());
    let key = Identity::from_seed(&[7; 32]);
    let signed = [
        b"nuncio frame v1\0",
        &[1][..],
        key.public_key().as_bytes(),
        &[1, 0],
        leaf.as_bytes(),
    ]
    .concat();
    assert_eq!(frame[frame.len() - 64..], key.sign(&signed));
}
